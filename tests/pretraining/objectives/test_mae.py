"""MAE against the official code."""

import numpy as np
import pytest
import torch

from models.decoder import patches_from_images
from pretraining.objectives import build_objective
from pretraining.objectives.mae import kept_count, patch_statistics, removed_loss, visible_tokens
from pretraining.optimisation import build_optimiser
from tests.pretraining.objectives.golden import per_name, quiet
from tests.pretraining.objectives.recipes import golden_recipe

CASES = {"norm_pix": True, "raw": False}
LOSS = {torch.float64: 1e-13, torch.float32: 2e-6}
FEATURES = {torch.float64: 1e-13, torch.float32: 5e-6}
GRADIENT = {torch.float64: 1e-12, torch.float32: 2e-6}
TARGET = {torch.float64: 2e-7, torch.float32: 2e-5}
STATE = {torch.float64: 5e-10, torch.float32: 1e-4}


@pytest.fixture
def expected(official, dtype):
    return official("mae").numbers(dtype)


@pytest.fixture
def batch(expected, dtype):
    return {"image": torch.from_numpy(expected["x"]).to(dtype), "noise": torch.from_numpy(expected["noise"])}


@pytest.fixture(params=CASES)
def case(request):
    return request.param


@pytest.fixture
def objective(golden_objective, case, dtype):
    return golden_objective("mae", dtype, "MAE.NORM_PIXELS", CASES[case])


def official_name(name):
    """Official name of one of our parameters."""
    return name.removeprefix("encoder.").replace("decoder.mask_token", "mask_token").replace("decoder.", "decoder_")


def test_golden_first_step(objective, batch, case, expected, official, dtype):
    names = official("mae").meta()["grad_names"]
    loss = objective(batch)["loss"]
    loss.backward()
    torch.testing.assert_close(loss.item(), float(expected[f"{case}/loss"]), rtol=LOSS[dtype], atol=0)
    values = {official_name(name): p.grad for name, p in objective.named_parameters() if p.grad is not None}
    assert set(values) == set(names)
    found, wanted = per_name(values, names, "l2"), expected[f"{case}/grad_norm"]
    np.testing.assert_allclose(found, wanted, rtol=GRADIENT[dtype], atol=1e-14)


def test_golden_whole_gradients(objective, batch, case, official, dtype):
    objective(batch)["loss"].backward()
    wanted = official("mae").arrays("gradients.npz")
    for name, parameter in objective.named_parameters():
        if parameter.grad is not None:
            value = torch.from_numpy(wanted[f"{case}/{official_name(name)}"]).to(dtype)
            torch.testing.assert_close(parameter.grad, value, rtol=0, atol=1e-5 * value.abs().max().item())


def test_golden_latent_and_prediction(golden_objective, batch, expected, official, dtype):
    objective = golden_objective("mae", dtype, "MAE.NORM_PIXELS", False)
    order = batch["noise"].argsort(dim=1)
    assert torch.equal(order.argsort(dim=1), torch.from_numpy(expected["ids_restore"]))
    kept = official("mae").meta()["len_keep"]
    assert torch.equal((order.argsort(dim=1) >= kept).float(), torch.from_numpy(expected["mask"]).float())
    with torch.no_grad():
        latent = visible_tokens(objective.encoder, batch["image"], order[:, :kept])
        painted = patches_from_images(objective.reconstruction(batch), patch_size=8)
    wanted = torch.from_numpy(expected["latent"])
    torch.testing.assert_close(latent, wanted, rtol=0, atol=FEATURES[dtype] * wanted.abs().max().item())
    wanted = torch.from_numpy(expected["pred"]).to(dtype)
    torch.testing.assert_close(painted, wanted, rtol=0, atol=5e-6 * wanted.abs().max().item())  # stored in float32
    if dtype == torch.float64:
        np.testing.assert_allclose([painted.sum(), painted.norm()], expected["pred_sum_l2"], rtol=1e-11)


def test_golden_targets(batch, expected, dtype):
    """Also of the patches with nearly or exactly one colour."""
    target = patches_from_images(batch["image"], patch_size=8)
    mean, deviation = patch_statistics(target)
    for name, value in (("raw", target), ("norm_pix", (target - mean) / deviation)):
        wanted = torch.from_numpy(expected[f"{name}/target"]).to(dtype)
        torch.testing.assert_close(value, wanted, rtol=TARGET[dtype], atol=TARGET[dtype])


def test_golden_trajectory(objective, batch, case, expected, official, dtype):
    """Four losses of three steps of AdamW."""
    meta = official("mae").meta()
    options = meta["adamw"]
    betas = ["OPTIM.BETAS", options["betas"]]
    opts = ["OPTIM.DECAY", "matrices", "OPTIM.WEIGHT_DECAY", options["weight_decay"], *betas]
    optimiser = build_optimiser(objective, golden_recipe("mae", *opts))
    losses = []
    for _ in range(3):
        for group in optimiser.param_groups:
            group["lr"] = options["lr"]
        loss = objective(batch)["loss"]
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    _compare(objective, expected, meta["param_names"], case, dtype)
    losses.append(objective(batch)["loss"].item())
    np.testing.assert_allclose(losses, expected[f"{case}/adamw/loss"], rtol=10 * LOSS[dtype])


def _compare(objective, expected, names, case, dtype):
    values = {official_name(name): value for name, value in objective.named_parameters()}
    kept = quiet(names) if dtype == torch.float32 else np.full(len(names), True)
    for statistic in ("sum", "l2"):
        found, wanted = per_name(values, names, statistic), expected[f"{case}/adamw/param_{statistic}"]
        np.testing.assert_allclose(found[kept], wanted[kept], rtol=STATE[dtype], atol=STATE[dtype])


def test_golden_number_of_kept_patches(official):
    for patches, ratio, kept in official("mae").arrays()["len_keep_table"]:
        assert kept_count(int(patches), ratio) == kept


@pytest.mark.parametrize(("patches", "ratio", "kept"), [(100, 0.9, 9), (100, 0.8, 19), (25, 0.8, 4), (196, 0.75, 49)])
def test_kept_count_is_rounded_in_binary(patches, ratio, kept):
    assert kept_count(patches, ratio) == kept


def test_loss_by_loops():
    random = torch.Generator().manual_seed(0)
    target, prediction = torch.randn(2, 2, 3, 12, generator=random, dtype=torch.float64)
    removed = torch.tensor([[1.0, 0, 1], [0, 0, 1]], dtype=torch.float64)
    errors = [
        float(((target[b, p] - prediction[b, p]) ** 2).mean()) for b in range(2) for p in range(3) if removed[b, p]
    ]
    found = removed_loss(target, prediction, removed).item()
    torch.testing.assert_close(found, sum(errors) / len(errors), rtol=1e-12, atol=0)


def test_reconstruction_of_normalised_pixels_has_the_patches_own_colours():
    objective = build_objective(golden_recipe("mae", "MAE.NORM_PIXELS", True), classes=2)
    torch.nn.init.zeros_(objective.decoder.pred.weight)
    torch.nn.init.zeros_(objective.decoder.pred.bias)
    image = torch.randn(2, 3, 48, 48)
    painted = objective.reconstruction({"image": image, "noise": torch.rand(2, 36)})
    means = patches_from_images(image, patch_size=8).mean(-1, keepdim=True)
    torch.testing.assert_close(patches_from_images(painted, patch_size=8), means.expand(-1, -1, 192))
