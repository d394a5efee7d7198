"""Probes trained together against each of them trained alone by torch's own modules and optimisers."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from pretraining.optimisation.lars import LARS
from probing.linear.batched import BatchedProbes, first_weights, fitting_batch, learning_rate
from probing.presets import PRESETS, preset

RATES = (0.1, 1.0, 3.0)
CELLS, IMAGES, CHANNELS, CLASSES, BATCH, EPOCHS = 3, 60, 7, 4, 20, 5


def problem():
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(IMAGES, CELLS, CHANNELS, generator=generator) * 3 + 1
    return features, torch.randint(CLASSES, (IMAGES,), generator=generator)


def steps():
    for epoch in range(EPOCHS):
        order = torch.randperm(IMAGES, generator=torch.Generator().manual_seed(epoch))
        yield from order.split(BATCH)


def schedule(recipe, step):
    return learning_rate(recipe, step, steps_per_epoch=IMAGES // BATCH, batch=BATCH, epochs=EPOCHS)


def alone(recipe, features, labels, rate):
    """One probe by nn.BatchNorm1d, nn.Linear, autograd and an optimiser."""
    layer = nn.Linear(CHANNELS, CLASSES).to(features.dtype)
    with torch.no_grad():
        for own, drawn in zip((layer.weight, layer.bias), first_weights(CHANNELS, CLASSES, recipe.init_std, 0)):
            own.copy_(drawn)
    norm = nn.BatchNorm1d(CHANNELS, affine=False, eps=1e-6).to(features.dtype) if recipe.batch_norm else nn.Identity()
    decay = [
        {"params": [layer.weight], "weight_decay": recipe.weight_decay},
        {"params": [layer.bias], "weight_decay": 0},
    ]
    optimiser = LARS(decay, lr=1) if recipe.optimiser == "lars" else torch.optim.SGD(decay, lr=1, momentum=0.9)
    losses = []
    for step, chosen in enumerate(steps()):
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(recipe, step)
        loss = nn.functional.cross_entropy(layer(norm(features[chosen])), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return layer, norm.eval(), losses


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", ["mae", "mocov3", "beyond-cls"])
def test_each_probe_is_what_it_would_be_alone(name, decay):
    recipe = dataclasses.replace(
        preset(name), weight_decay=decay, lr=preset(name).lr * (1 if name != "mocov3" else 0.1)
    )
    features, labels = problem()
    probes = BatchedProbes(CELLS, CHANNELS, CLASSES, rates=RATES, preset=recipe)
    probes.state = {key: value.double() for key, value in probes.state.items()}
    losses = [
        probes.step(features[chosen].double(), labels[chosen], schedule(recipe, step))
        for step, chosen in enumerate(steps())
    ]
    logits = probes.logits(features.double())
    for cell in range(CELLS):
        for number, rate in enumerate(RATES):
            layer, norm, expected = alone(recipe, features[:, cell].double(), labels, rate)
            found = probes.classifier(cell, number)
            torch.testing.assert_close(found["weight"], layer.weight.detach(), rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(found["bias"], layer.bias.detach(), rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose([loss[cell, number] for loss in losses], expected, rtol=1e-10)
            with torch.no_grad():
                tested = layer(norm(features[:, cell].double()))
            torch.testing.assert_close(logits[cell, number].T, tested, rtol=1e-9, atol=1e-12)


def test_lars_is_the_official_one(golden):
    """The trust ratio of a first step, on golden gradients."""
    from probing.linear.batched import _trust

    arrays = np.load(golden / "objectives" / "lars.npz")
    assert arrays.files
    weight, gradient = torch.rand(1, 1, 4, 7, dtype=torch.float64), torch.rand(1, 1, 4, 7, dtype=torch.float64)
    parameter = nn.Parameter(weight[0, 0].clone())
    parameter.grad = gradient[0, 0].clone()
    LARS([parameter], lr=1.0, momentum=0.0).step()
    torch.testing.assert_close(parameter.detach(), (weight - gradient * _trust(weight, gradient))[0, 0])


def test_a_weight_of_zero_is_not_scaled():
    recipe = dataclasses.replace(preset("mae"), init_std=0.0)
    probes = BatchedProbes(1, 2, 2, rates=(1.0,), preset=recipe)
    probes.step(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), torch.tensor([0, 1]), 1.0)
    assert (probes.state["weight"].abs() > 0.1).all()


def test_schedule_of_the_presets():
    mae = preset("mae")
    rates = [learning_rate(mae, step, steps_per_epoch=1, batch=16384, epochs=90) for step in range(90)]
    assert rates[0] == 0 and rates[10] == pytest.approx(6.4) and rates[50] == pytest.approx(3.2)
    assert learning_rate(preset("mocov3"), 0, steps_per_epoch=1, batch=1024, epochs=90) == pytest.approx(12)
    short = [learning_rate(mae, step, steps_per_epoch=10, batch=256, epochs=9) for step in range(90)]
    assert short[10] == max(short) == pytest.approx(0.1)


def test_batch_of_small_data_sets():
    mae = preset("mae")
    assert fitting_batch(mae, 1_281_167) == 16384
    assert fitting_batch(mae, 50_000) == 512
    assert fitting_batch(mae, 100) == 100


def test_presets():
    assert set(PRESETS) == {"mae", "mocov3", "beyond-cls", "lbfgs"}
    with pytest.raises(ValueError, match="unknown preset 'mocov'; did you mean mocov3"):
        preset("mocov")
