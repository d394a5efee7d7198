"""Painted patches against the official ones, errors against loops, and the picture against its parts."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import models
from experiments.applicable import NotApplicable
from experiments.masked.autoencoder import MaskedPainter, masked_autoencoder, painter
from experiments.masked.painting import masked_errors
from experiments.reconstruction import draw, measure
from experiments.settings import Settings
from models.pixel_head import load_pixel_head
from study.data import open_images
from study.provenance import weights_hash
from study.record import COLUMNS
from study.summary import summary
from tests.models._tiny import expected

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
NAMES = ("mini-mae", "mini-simmim")


@pytest.fixture(scope="module")
def loaded():
    return {name: models.load_model(name) for name in NAMES}


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=4)


@pytest.fixture(scope="module")
def found(loaded, images):
    return measure(loaded, images, Settings(batch_size=3, seed=1), CPU)


@torch.no_grad()
def test_the_official_reconstruction_of_simmim(golden):
    arrays, meta, path = expected(golden / "checkpoints" / "simmim_vit")
    encoder = models.load_model(path, num_heads=meta["num_heads"])
    before = weights_hash(encoder)
    network = MaskedPainter(encoder, load_pixel_head(path))
    mask = torch.as_tensor(arrays["mask"]).flatten(1).bool()
    network.hidden = lambda image, seed: mask[image]
    painted = network.painted(torch.as_tensor(arrays["x"]), range(len(mask)), 0)
    torch.testing.assert_close(painted, torch.as_tensor(arrays["reconstruction"]), rtol=1e-5, atol=1e-5)
    assert weights_hash(encoder) == before and not encoder.patch_embed._forward_hooks


def test_errors_against_loops():
    images, painted = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 4, 6)
    hidden = torch.tensor([[1, 0, 1, 0, 0, 1], [0, 1, 1, 1, 1, 0]], dtype=torch.bool)
    values = masked_errors(images, painted, hidden, grid=(2, 3))
    for image in range(2):
        pixels = {"hidden": [], "visible": []}
        for patch in range(6):
            row, column = divmod(patch, 3)
            true = images[image, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].double()
            guess = painted[image, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].double()
            pixels["hidden" if hidden[image, patch] else "visible"].append((true, guess))
        colour = torch.stack([true for true, _ in pixels["visible"]]).mean(dim=(0, 2, 3))
        expected_of = {
            "error": [(guess - true).square() for true, guess in pixels["hidden"]],
            "visible_mean": [(colour[:, None, None] - true).square() for true, _ in pixels["hidden"]],
            "patch_mean": [(true.mean() - true).square() for true, _ in pixels["hidden"]],
        }
        for name, squares in expected_of.items():
            torch.testing.assert_close(values[name][image], torch.stack(squares).mean(), rtol=1e-12, atol=1e-12)
        for name in ("visible_mean", "patch_mean"):
            excess = torch.stack(expected_of[name]).mean() - torch.stack(expected_of["error"]).mean()
            torch.testing.assert_close(values[f"{name}_excess"][image], excess, rtol=1e-12, atol=1e-12)
    assert (masked_errors(images, images, hidden, grid=(2, 3))["error"] == 0).all()


def test_the_table_and_what_it_means(found):
    table = found.tables["reconstruction"]
    assert set(table.columns) == set(COLUMNS) and len(table) == 2 * 5 * 4
    means = table.groupby(["model", "metric"])["value"].mean()
    for name in NAMES:
        assert means[name, "error"] < means[name, "visible_mean"]
    assert means["mini-mae", "error"] < means["mini-mae", "patch_mean"]  # more than the leak of the true means tells
    assert found.facts["masked"] == {"mini-mae": 0.75, "mini-simmim": 0.625}


def test_a_decoder_that_knows_nothing_is_no_better_than_the_leak(loaded, images):
    network = masked_autoencoder("mini-mae", loaded["mini-mae"])
    torch.nn.init.zeros_(network.decoder.pred.weight)
    torch.nn.init.zeros_(network.decoder.pred.bias)
    pixels = models.image_transform(loaded["mini-mae"])(images[0])[None]
    with torch.no_grad():
        painted = network.painted(pixels, range(1), 0)
    values = masked_errors(pixels, painted, network.hidden(0, 0)[None], grid=(8, 8))
    torch.testing.assert_close(values["error"], values["patch_mean"], rtol=1e-6, atol=1e-6)


def test_batches_do_not_matter(found, loaded, images):
    again = measure(loaded, images, Settings(batch_size=1, seed=1), CPU).tables["reconstruction"]
    order = ["model", "metric", "image"]
    first, other = (table.sort_values(order)["value"] for table in (again, found.tables["reconstruction"]))
    np.testing.assert_allclose(first, other, rtol=1e-4)


def test_notes(found):
    said = "\n".join(found.facts["notes"])
    assert "mini-mae: 75 % of the patches masked, drawn from seed 1; it paints pixels normalised within" in said
    assert "gives the mean of each hidden patch away: compare with patch_mean" in said
    assert "mini-simmim: 62.5 % of the patches masked" in said


def test_models_that_paint_nothing(loaded, images):
    moco = models.load_model("mini-moco")
    with pytest.raises(
        NotApplicable, match=r"none of these models has .*name='mini-moco' has no pixel head.*name mini-mae"
    ):
        measure({"mini-moco": moco}, images, Settings(), CPU)
    with pytest.raises(ValueError, match=r"'mini-moco' has no decoder.*; name='mini-moco' has no pixel head"):
        painter("mini-moco", moco)
    both = measure({"mini-moco": moco, "mini-mae": loaded["mini-mae"]}, images, Settings(), CPU)
    assert list(both.facts["layouts"]) == ["mini-mae"]
    assert any(note.startswith("mini-moco is left out: ") for note in both.facts["notes"])


def test_pictures_hold_originals_and_masks(found, images, loaded):
    picture = np.asarray(found.pictures["painted-1"])
    assert picture.shape == (3 * 34 - 2, 4 * 34 - 2, 3)
    original, masked, painted = (picture[start : start + 32, :32] for start in (0, 34, 68))
    hidden = masked_autoencoder("mini-mae", loaded["mini-mae"]).hidden(0, 1).reshape(8, 8)
    pixels = hidden.numpy().repeat(4, axis=0).repeat(4, axis=1)
    assert (masked[pixels] == 128).all() and (masked[~pixels] == original[~pixels]).all()
    assert (painted[~pixels] == original[~pixels]).all() and (painted[pixels] != original[pixels]).mean() > 0.9


def test_figure(found):
    means = summary(found.tables["reconstruction"])
    figure = draw(found, means)
    figure.draw_without_rendering()
    bars = [ax for ax in figure.get_axes() if ax.get_xlabel().startswith("Mean squared error")]
    first = means[(means["metric"] == "error") & (means["model"] == "mini-mae")]["mean"].item()
    words = " ".join(text.get_text() for text in bars[0].texts)
    for name in NAMES:
        for baseline in ("visible_mean", "patch_mean"):
            own = means[(means["metric"] == f"{baseline}_excess") & (means["model"] == name)].iloc[0]
            side, (low, high) = "above", (own["low"], own["high"])
            if own["mean"] < 0:
                side, (low, high) = "below", (-own["high"], -own["low"])
            assert f"\n {abs(own['mean']):.3f} [{low:.3f}, {high:.3f}]\n {side} the painted" in words
    assert "above the painted" in words and "below the painted" in words
    assert all(text.get_window_extent().x1 <= figure.bbox.width for text in bars[0].texts)
    assert len(bars) == 1 and bars[0].patches[0].get_width() == pytest.approx(first)
    assert {ax.get_title() for ax in figure.get_axes()} >= {"mini-mae: 75 % masked", "mini-simmim: 62.5 % masked"}


def test_beside_long_names_nothing_is_cut_off(found):
    longer = {name: f"{name}_of_a_long_name" for name in NAMES}
    facts = json.dumps(found.facts)
    for name, long in longer.items():
        facts = facts.replace(f'"{name}"', f'"{long}"')
    means = summary(found.tables["reconstruction"]).replace({"model": longer})
    figure = draw(dataclasses.replace(found, facts=json.loads(facts)), means)
    figure.draw_without_rendering()
    (bars,) = [ax for ax in figure.get_axes() if ax.get_xlabel()]
    assert all(text.get_window_extent().x1 <= figure.bbox.width for text in [*bars.texts, bars.xaxis.label])


def test_tables_without_paired_differences_are_drawn_all_the_same(found):
    means = summary(found.tables["reconstruction"])
    older = means[~means["metric"].str.endswith("_excess")]
    words = " ".join(text.get_text() for ax in draw(found, older).get_axes() for text in ax.texts)
    assert "the painted" not in words
