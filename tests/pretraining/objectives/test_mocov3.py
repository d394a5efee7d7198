"""MoCo-v3 against the official code."""

import numpy as np
import pytest
import torch

from pretraining.objectives import Objective
from pretraining.objectives.contrastive import contrastive_loss
from pretraining.optimisation import build_optimiser
from tests.pretraining.objectives.golden import per_name, quiet
from tests.pretraining.objectives.recipes import golden_recipe

LOSS = {torch.float64: 1e-13, torch.float32: 2e-6}
FEATURES = {torch.float64: 1e-12, torch.float32: 5e-5}
GRADIENT = {torch.float64: 1e-12, torch.float32: 2e-5}
AVERAGE = {torch.float64: 1e-13, torch.float32: 5e-6}
STATE = {torch.float64: 5e-10, torch.float32: 1e-4}


@pytest.fixture
def expected(official, dtype):
    return official("mocov3").numbers(dtype)


@pytest.fixture
def batch(expected, dtype):
    return {"view1": torch.from_numpy(expected["x1"]).to(dtype), "view2": torch.from_numpy(expected["x2"]).to(dtype)}


@pytest.fixture
def objective(golden_objective, dtype, official) -> Objective:
    made = golden_objective("mocov3", dtype, "MOCOV3.MOMENTUM", official("mocov3").meta()["m"])
    made.momentum.cosine = False
    return made


def test_golden_first_step(objective, batch, expected, official, dtype):
    meta = official("mocov3").meta()
    loss = objective(batch)["loss"]
    loss.backward()
    torch.testing.assert_close(loss.item(), float(expected["loss"]), rtol=LOSS[dtype], atol=0)
    values = {name: p.grad for name, p in objective.named_parameters() if p.grad is not None}
    assert set(values) == set(meta["grad_names"])
    kept = quiet(meta["grad_names"]) if dtype == torch.float32 else slice(None)
    norms = per_name(values, meta["grad_names"], "l2")
    np.testing.assert_allclose(norms[kept], expected["grad_norm"][kept], rtol=GRADIENT[dtype], atol=1e-14)


def test_golden_momentum_encoder_and_buffers(objective, batch, expected, official, dtype):
    names = official("mocov3").meta()["momentum_names"]
    objective(batch)
    values = dict(objective.named_parameters())
    for statistic in ("sum", "l2"):
        found = per_name(values, names, statistic)
        np.testing.assert_allclose(found, expected[f"ema_{statistic}"], rtol=AVERAGE[dtype], atol=AVERAGE[dtype])
    buffers = dict(objective.named_buffers())
    official_buffers = {key: value for key, value in expected.items() if key.startswith("buffers_after/")}
    assert {key.removeprefix("buffers_after/") for key in official_buffers} == set(buffers)
    for key, value in official_buffers.items():
        found = buffers[key.removeprefix("buffers_after/")].double()
        torch.testing.assert_close(found, torch.from_numpy(value).double(), rtol=2e-6, atol=2e-6)  # stored in float32


def test_golden_queries_keys_and_parts(objective, batch, expected, dtype):
    views = batch["view1"], batch["view2"]
    queries = [objective.predictor(objective.base_encoder(view)) for view in views]
    objective.momentum.step((objective.momentum_encoder, objective.base_encoder))
    keys = [objective.momentum_encoder(view) for view in views]
    for name, value in zip(("q1", "q2", "k1", "k2"), (*queries, *keys), strict=True):
        wanted = torch.from_numpy(expected[name])
        torch.testing.assert_close(value.detach(), wanted, rtol=0, atol=FEATURES[dtype] * wanted.abs().max().item())
    for name, query, key in (("loss_12", queries[0], keys[1]), ("loss_21", queries[1], keys[0])):
        loss = contrastive_loss(query, key, temperature=0.2)
        torch.testing.assert_close(loss.item(), float(expected[name]), rtol=LOSS[dtype], atol=0)


def test_golden_whole_gradients(objective, batch, official, dtype):
    objective(batch)["loss"].backward()
    wanted = official("mocov3").arrays("gradients.npz")
    found = {name: p.grad for name, p in objective.named_parameters()}
    for name in set(wanted) - {"base_encoder.norm.bias"}:
        value = torch.from_numpy(wanted[name]).to(dtype)
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-4 * value.abs().max().item())


def test_golden_trained_patch_embedding(golden_objective, batch, expected, official, dtype):
    objective = golden_objective("mocov3", dtype, "MOCOV3.FREEZE_PATCH_EMBED", False)
    objective.momentum.value = official("mocov3").meta()["m"]
    loss = objective(batch)["loss"]
    loss.backward()
    torch.testing.assert_close(loss.item(), float(expected["loss"]), rtol=LOSS[dtype], atol=0)
    values = {name: p.grad for name, p in objective.named_parameters() if p.grad is not None}
    norms = per_name(values, official("mocov3").meta()["unfrozen_grad_names"], "l2")
    np.testing.assert_allclose(norms, expected["unfrozen_grad_norm"], rtol=GRADIENT[dtype])


@pytest.mark.parametrize("name", ["adamw", "lars"])
def test_golden_trajectory(name, golden_objective, batch, expected, official, dtype):
    """Four losses of three steps, with constant momentum and rate (AdamW) and with schedules (LARS)."""
    meta = official("mocov3").meta()
    options = meta[name]
    opts = ["OPTIM.NAME", name, "OPTIM.DECAY", "all", "OPTIM.WEIGHT_DECAY", options["weight_decay"]]
    opts += ["OPTIM.MOMENTUM", meta["lars"]["momentum"], "OPTIM.TRUST", meta["lars"]["trust_coefficient"]]
    opts += ["MOCOV3.MOMENTUM", options.get("m", options.get("moco_m")), "MOCOV3.MOMENTUM_COSINE", name == "lars"]
    objective = golden_objective("mocov3", dtype, *opts)
    optimiser = build_optimiser(objective, golden_recipe("mocov3", *opts))
    rates = expected["lars/lr"] if name == "lars" else [options["lr"]] * 4
    progress = expected["lars/epoch"] / options["epochs"] if name == "lars" else [0.0] * 4
    losses = []
    for step, rate in enumerate(rates):
        for group in optimiser.param_groups:
            group["lr"] = float(rate)
        if step == 3:
            _compare(objective, expected, meta, name, dtype)
        objective.advance(float(progress[step]))
        loss = objective(batch)["loss"]
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        if step < 3:
            optimiser.step()
    np.testing.assert_allclose(losses, expected[f"{name}/loss"], rtol=10 * LOSS[dtype])


def _compare(objective, expected, meta, name, dtype):
    values = dict(objective.named_parameters())
    for prefix, names in (("param", meta["train_names"]), ("momentum", meta["momentum_names"])):
        kept = quiet(names) if dtype == torch.float32 else np.full(len(names), True)
        for statistic in ("sum", "l2"):
            found, wanted = per_name(values, names, statistic), expected[f"{name}/{prefix}_{statistic}"]
            np.testing.assert_allclose(found[kept], wanted[kept], rtol=STATE[dtype], atol=STATE[dtype])
