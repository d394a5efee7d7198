"""LARS against the official class, and where it must leave parameters alone."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from pretraining.optimisation.lars import LARS
from pretraining.optimisation.optimiser import set_learning_rate

TOLERANCE = {"": {"rtol": 1e-6, "atol": 1e-6}, "f64/": {"rtol": 1e-12, "atol": 1e-12}}


def renamed(options):
    return {{"trust_coefficient": "trust"}.get(key, key): value for key, value in options.items()}


def optimiser_of(run, meta, parameters):
    """The optimiser of a run and the learning rate of every step, None where it stays as it is."""
    if run == "two_groups":
        both = meta["groups_run"]
        groups = [
            {"params": [parameters[name] for name in both[part]], **both[f"{part}_options"]}
            for part in ("first", "second")
        ]
        return LARS(groups, 1.0, momentum=both["momentum"], trust=both["trust_coefficient"]), [None] * meta["steps"]
    options = renamed(meta["runs"][run])
    rates = options.pop("lr")
    return LARS(parameters.values(), rates[0], **options), rates


@pytest.fixture
def data(golden):
    return np.load(golden / "objectives" / "lars.npz")


def trajectory(data, meta, run, dtype):
    """Parameters after every step of a run, and the last momentum buffers, by name."""
    parameters = {name: torch.nn.Parameter(torch.as_tensor(data[f"start/{name}"]).to(dtype)) for name in meta["names"]}
    optimiser, rates = optimiser_of(run, meta, parameters)
    after = []
    for step, rate in enumerate(rates):
        for name, parameter in parameters.items():
            if f"grad/{name}" in data:
                parameter.grad = torch.as_tensor(data[f"grad/{name}"][step]).to(dtype)
        if rate is not None:
            set_learning_rate(optimiser, rate)
        optimiser.step()
        after.append({name: parameter.detach().clone() for name, parameter in parameters.items()})
    return after, {name: optimiser.state[p]["mu"] for name, p in parameters.items() if p in optimiser.state}


@pytest.mark.parametrize(("prefix", "dtype"), [("", torch.float32), ("f64/", torch.float64)])
def test_golden_steps(data, prefix, dtype):
    meta = json.loads(str(data["meta"]))
    for run in [*meta["runs"], "two_groups"]:
        after, _ = trajectory(data, meta, run, dtype)
        for name in meta["names"]:
            found = torch.stack([step[name] for step in after])
            assert_close(found, torch.as_tensor(data[f"{prefix}{run}/{name}"]), **TOLERANCE[prefix])


def test_golden_momentum(data):
    meta = json.loads(str(data["meta"]))
    for run in [*meta["runs"], "two_groups"]:
        _, momentum = trajectory(data, meta, run, torch.float32)
        assert {f"{run}/mu/{name}" for name in momentum} == {key for key in data if key.startswith(f"{run}/mu/")}
        for name, found in momentum.items():
            assert_close(found, torch.as_tensor(data[f"{run}/mu/{name}"]), **TOLERANCE[""])


def test_first_step_by_hand():
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]], dtype=torch.float64))
    weight.grad = torch.tensor([[0.0, 2.0]], dtype=torch.float64)
    LARS([weight], lr=10.0, trust=0.01).step()
    assert_close(weight.detach(), torch.tensor([[3.0, 3.5]], dtype=torch.float64))  # 10 * 0.01 * |(3, 4)|


def test_step_length_does_not_depend_on_the_gradients():
    start = torch.randn(3, 5, dtype=torch.float64)
    small, large = (torch.nn.Parameter(start.clone()) for _ in range(2))
    small.grad = torch.randn(3, 5, dtype=torch.float64)
    large.grad = small.grad * 1e6
    LARS([small, large], lr=1.0).step()
    assert_close(small, large)


def test_state_goes_on_where_it_was():
    def trained(weight, optimiser, steps):
        for step in steps:
            weight.grad = torch.full_like(weight, 1.0 + step)
            optimiser.step()
        return weight.detach().clone()

    def start():
        weight = torch.nn.Parameter(torch.ones(2, 3))
        return weight, LARS([weight], lr=0.5, weight_decay=0.1)

    straight = trained(*start(), range(4))
    weight, optimiser = start()
    trained(weight, optimiser, range(2))
    again = torch.nn.Parameter(weight.detach().clone())
    resumed = LARS([again], lr=9.0)
    resumed.load_state_dict(optimiser.state_dict())
    assert torch.equal(trained(again, resumed, range(2, 4)), straight)


def test_closure_has_gradients():
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimiser = LARS([weight], lr=0.1)

    def closure():
        loss = (weight**2).sum()
        loss.backward()
        return loss.item()

    assert optimiser.step(closure) == pytest.approx(4.0)
    assert (weight < 1).all()
