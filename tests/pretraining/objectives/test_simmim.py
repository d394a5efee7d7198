"""SimMIM against the official code."""

import numpy as np
import pytest
import torch

from pretraining.objectives import build_objective
from pretraining.objectives.masked_images import feature_map, masked_loss, masked_tokens
from pretraining.optimisation import build_optimiser
from tests.pretraining.objectives.golden import per_name, quiet
from tests.pretraining.objectives.recipes import golden_recipe

LOSS = {torch.float64: 1e-13, torch.float32: 2e-6}
FEATURES = {torch.float64: 1e-13, torch.float32: 5e-6}
GRADIENT = {torch.float64: 1e-12, torch.float32: 2e-6}
STATE = {torch.float64: 5e-10, torch.float32: 1e-4}


@pytest.fixture
def expected(official, dtype):
    return official("simmim").numbers(dtype)


@pytest.fixture
def batch(expected, dtype):
    return {"image": torch.from_numpy(expected["x"]).to(dtype), "mask": torch.from_numpy(expected["mask"]).long()}


@pytest.fixture
def objective(golden_objective, dtype):
    return golden_objective("simmim", dtype)


@pytest.mark.parametrize("case", ["", "uneven/", "empty/"])
def test_golden_first_step(case, objective, batch, expected, official, dtype):
    names = official("simmim").meta()["grad_names"]
    loss = objective(batch | {"mask": torch.from_numpy(expected[f"{case}mask"]).long()})["loss"]
    loss.backward()
    torch.testing.assert_close(loss.item(), float(expected[f"{case}loss"]), rtol=LOSS[dtype], atol=0)
    values = {name: p.grad for name, p in objective.named_parameters() if p.grad is not None}
    assert set(values) == set(names)
    found, wanted = per_name(values, names, "l2"), expected[f"{case}grad_norm"]
    np.testing.assert_allclose(found, wanted, rtol=GRADIENT[dtype], atol=1e-14)


def test_the_class_token_learns_as_a_key_and_value_golden(objective, batch):
    objective(batch)["loss"].backward()
    assert objective.encoder.cls_token.grad.abs().max() > 0


def test_golden_whole_gradients(objective, batch, official, dtype):
    objective(batch)["loss"].backward()
    found = {name: p.grad for name, p in objective.named_parameters()}
    for name, value in official("simmim").arrays("gradients.npz").items():
        wanted = torch.from_numpy(value).to(dtype)
        torch.testing.assert_close(found[name], wanted, rtol=0, atol=1e-5 * wanted.abs().max().item())


def test_golden_feature_map_and_reconstruction(objective, batch, expected, dtype):
    with torch.no_grad():
        tokens = masked_tokens(objective.encoder, batch["image"], batch["mask"])
        painted = objective.reconstruction(batch)
    features = feature_map(tokens, grid=(6, 6))
    wanted = torch.from_numpy(expected["feature_map"])
    torch.testing.assert_close(features, wanted, rtol=0, atol=FEATURES[dtype] * wanted.abs().max().item())
    wanted = torch.from_numpy(expected["reconstruction"]).to(dtype)
    torch.testing.assert_close(painted, wanted, rtol=0, atol=5e-6 * wanted.abs().max().item())  # stored in float32
    if dtype == torch.float64:
        found = [painted.sum().item(), painted.norm().item()]
        np.testing.assert_allclose(found, expected["reconstruction_sum_l2"], rtol=1e-11)


@pytest.mark.parametrize("name", ["adamw", "adamw_clip"])
def test_golden_trajectory(name, objective, batch, expected, official, dtype):
    """Four losses of three steps, with a clip of the gradient that bites and with one that does not."""
    meta = official("simmim").meta()
    options = meta[name]
    opts = ["OPTIM.DECAY", "weights", "OPTIM.WEIGHT_DECAY", options["weight_decay"]]
    optimiser = build_optimiser(objective, golden_recipe("simmim", *opts))
    losses, norms = [], []
    for _ in range(3):
        for group in optimiser.param_groups:
            group["lr"] = options["lr"]
        loss = objective(batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(objective.parameters(), options["clip_grad_norm"]).item())
        optimiser.step()
    _compare(objective, expected, meta["param_names"], name, dtype)
    losses.append(objective(batch)["loss"].item())
    np.testing.assert_allclose(losses, expected[f"{name}/loss"], rtol=10 * LOSS[dtype])
    np.testing.assert_allclose(norms, expected[f"{name}/total_grad_norm"], rtol=10 * GRADIENT[dtype])


def _compare(objective, expected, names, name, dtype):
    values = dict(objective.named_parameters())
    kept = quiet(names) if dtype == torch.float32 else np.full(len(names), True)
    for statistic in ("sum", "l2"):
        found, wanted = per_name(values, names, statistic), expected[f"{name}/param_{statistic}"]
        np.testing.assert_allclose(found[kept], wanted[kept], rtol=STATE[dtype], atol=STATE[dtype])


def test_loss_by_loops():
    random = torch.Generator().manual_seed(0)
    images, painted = torch.randn(2, 2, 3, 4, 6, generator=random, dtype=torch.float64)
    mask = torch.tensor([[[1, 0, 1], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]])
    total = count = 0.0
    for image in range(2):
        for row in range(4):
            for column in range(6):
                if mask[image, row // 2, column // 2]:
                    total += sum(
                        abs(float(images[image, c, row, column] - painted[image, c, row, column])) for c in range(3)
                    )
                    count += 1
    torch.testing.assert_close(masked_loss(images, painted, mask).item(), total / count / 3, rtol=1e-6, atol=0)
    assert masked_loss(images, painted, torch.zeros_like(mask)) == 0
    assert masked_loss(images, images, mask) == 0


def test_masked_pixels_do_not_reach_the_encoder():
    """Whatever stands behind the mask, the reconstruction is the same."""
    objective = build_objective(golden_recipe("simmim"), classes=2).eval()
    mask = torch.zeros(1, 6, 6, dtype=torch.int64)
    mask[0, 2, 3] = 1
    first = torch.randn(1, 3, 96, 96)
    second = first.clone()
    second[:, :, 32:48, 48:64] = 7.0
    painted = [objective.reconstruction({"image": image, "mask": mask}) for image in (first, second)]
    assert torch.equal(*painted)
    second[:, :, 48:64, 48:64] = 7.0
    assert not torch.equal(painted[0], objective.reconstruction({"image": second, "mask": mask}))
