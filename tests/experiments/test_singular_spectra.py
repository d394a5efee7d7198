"""Singular spectra against numpy on all tokens at once, their intervals against recomputation, and what is drawn."""

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models
import ops
from experiments.applicable import NotApplicable
from experiments.findings import Findings, read_findings, write_findings
from experiments.settings import Settings
from experiments.singular_spectra import draw, measure
from experiments.tokens.singular_choices import common_ranks, drawn_depths, notes
from experiments.tokens.spectra import above_rounding, groups_at_random, without_each
from models import image_transform, tap
from study.data import open_images
from study.record import COLUMNS

CPU = torch.device("cpu")
IMAGES = 8
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=IMAGES)


@pytest.fixture(scope="module")
def loaded():
    return {name: models.load_model(name) for name in ("mini-moco", "mini-simmim")}


@pytest.fixture(scope="module")
def found(loaded, images):
    return measure(loaded, images, Settings(batch_size=5, seed=3), CPU)


@pytest.fixture(scope="module")
def tokens(loaded, images):
    """(image patch channel) of mini-simmim by depth, in float64."""
    model = loaded["mini-simmim"]
    with torch.no_grad(), tap(model) as trace:
        model(torch.stack([image_transform(model)(image) for image in images]))
    stream = {0: trace.embedding, **{layer + 1: trace.after_mlp[layer] for layer in trace.after_mlp}}
    return {depth: values[:, 1:].double().numpy() for depth, values in stream.items()}


def of(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def log_eigenvalues(samples):
    return np.log(np.linalg.svd(np.cov(samples, rowvar=False), compute_uv=False))


@pytest.mark.parametrize("depth", [1, 5, 8])
def test_token_level_is_the_mean_of_the_images_logarithms(found, tokens, depth):
    expected = np.mean([log_eigenvalues(image)[:40] for image in tokens[depth]], axis=0)
    rows = of(found.tables["singular-spectra"], model="mini-simmim", level="tokens", depth=depth)
    np.testing.assert_allclose(rows["value"][:40], expected, atol=1e-3)  # float32 tokens of other batches
    assert rows["rank"].max() == 63


@pytest.mark.parametrize("depth", [1, 8])
def test_image_level_is_of_all_mean_tokens_at_once(found, tokens, depth):
    expected = log_eigenvalues(tokens[depth].mean(axis=1))
    rows = of(found.tables["singular-spectra"], model="mini-simmim", level="images", depth=depth)
    assert list(rows["rank"]) == list(range(1, IMAGES))
    np.testing.assert_allclose(rows["value"], expected[: IMAGES - 1], atol=1e-3)


def test_jackknife_is_that_of_recomputation_without_each_image(found, tokens):
    """8 images are 8 groups of one."""
    means = tokens[8].mean(axis=1)
    rank = found.facts["ranks"]["images"][0]
    without = [log_eigenvalues(np.delete(means, image, axis=0))[rank - 1] for image in range(IMAGES)]
    error = (np.sum((without - np.mean(without)) ** 2) * (IMAGES - 1) / IMAGES) ** 0.5
    row = of(found.tables["over_depth"], model="mini-simmim", level="images", depth=8, rank=rank).iloc[0]
    assert row["high"] - row["value"] == pytest.approx(2.3646 * error, rel=1e-3)  # Student's t, 7 degrees of freedom
    assert row["value"] - row["low"] == pytest.approx(2.3646 * error, rel=1e-3)


def test_differences_to_depth_0_of_tokens(found):
    rank = found.facts["ranks"]["tokens"][0]
    rows = of(found.tables["over_depth"], model="mini-moco", level="tokens", rank=rank).set_index("depth")
    np.testing.assert_allclose(rows["relative"], rows["value"] - rows.at[0, "value"], atol=1e-12)


def test_differences_to_depth_0(found):
    table = of(found.tables["over_depth"], model="mini-moco", level="images")
    rank = found.facts["ranks"]["images"][0]
    rows = of(table, rank=rank).set_index("depth")
    np.testing.assert_allclose(rows["relative"], rows["value"] - rows.at[0, "value"], atol=1e-12)
    assert rows.at[0, "relative_low"] == rows.at[0, "relative_high"] == 0
    assert (rows["relative_low"] <= rows["relative"]).all() and (rows["relative_high"] >= rows["relative"]).all()


def test_values_of_images_and_their_interval(found):
    rank = found.facts["ranks"]["tokens"][0]
    rows = of(found.tables["per_image"], model="mini-moco", depth=4, component=rank)
    assert set(found.tables["per_image"].columns) == set(COLUMNS) and len(rows) == IMAGES
    whole = of(found.tables["over_depth"], model="mini-moco", level="tokens", depth=4, rank=rank).iloc[0]
    assert whole["value"] == pytest.approx(rows["value"].mean(), abs=1e-12)
    low, high = ops.bootstrap_interval(torch.tensor(rows["value"].to_numpy()))
    assert (whole["low"], whole["high"]) == pytest.approx((float(low), float(high)))


def test_batches_do_not_matter(found, loaded, images):
    again = measure({"mini-moco": loaded["mini-moco"]}, images, Settings(batch_size=1, seed=3), CPU)
    mine, other = (of(one.tables["over_depth"], model="mini-moco") for one in (again, found))
    np.testing.assert_allclose(mine["value"], other["value"], atol=1e-3)


def test_what_rounding_leaves_is_not_in_the_table(found):
    """Of 48 pixels of a patch, so at depth 0 no mean token has more than 48 directions; grey photographs fewer."""
    lacking = above_rounding(
        ops.singular_spectrum(torch.randn(9, 4, dtype=torch.float64) @ torch.randn(4, 6, dtype=torch.float64)),
        samples=9,
        precision=torch.finfo(torch.float64).eps,
    )
    assert lacking.isfinite().tolist() == [True] * 4 + [False] * 2
    halves = above_rounding(torch.tensor([0.0, -9.0, -11.0]).double(), samples=9, precision=2**-7)
    assert halves.isfinite().tolist() == [True, True, False]
    ranks = found.tables["singular-spectra"].groupby(["level", "depth"])["rank"].max()
    assert ranks["tokens", 0] < 48 < ranks["tokens", 1] == 63


def test_sums_without_each_part():
    samples = torch.randn(30, 3, dtype=torch.float64).split([4, 11, 1, 14])
    parts = [ops.Covariance() for _ in samples]
    for part, rows in zip(parts, samples, strict=True):
        part.update(rows)
    for number, rest in enumerate(without_each(parts)):
        expected = torch.cat([rows for other, rows in enumerate(samples) if other != number])
        torch.testing.assert_close(rest.matrix(), expected.T.cov(), rtol=1e-12, atol=1e-12)


def test_groups_are_random_and_of_one_size():
    groups = groups_at_random(103, 20, seed=1)
    assert sorted(groups.bincount().tolist()) == [5] * 17 + [6] * 3
    assert groups.tolist() != sorted(groups.tolist()) and groups.equal(groups_at_random(103, 20, seed=1))
    assert not groups.equal(groups_at_random(103, 20, seed=2))


def test_shown_ranks_and_depths():
    assert common_ranks([195, 767]) == [64, 128] and common_ranks([12]) == [4, 8]
    assert drawn_depths((), "moco", 2) == [0, 1, 2] and drawn_depths((12, 1), "moco", 12) == [1, 12]
    with pytest.raises(NotApplicable, match=r"--depths 13: moco has depths 0 \(the embedding\) to 12"):
        drawn_depths((1, 13), "moco", 12)


def test_notes(found):
    said = "\n".join(found.facts["notes"])
    assert "tokens level: over depth the 16th and the 32nd in place of the 64th and 128th value" in said
    assert "mini-moco: 64 tokens of 96 channels" in said and "8 images, 96 channels" in said
    assert "leaves out one of 8 groups of images; their covariances take 5 MiB" in said
    assert "small singular values come out too small" in said
    sizes = {"big": {"grid": [14, 14], "depth": 12, "channels": 768}}
    below = " ".join(draw(found, None).get_supxlabel().split())
    assert "Image level of 8 images for 96 channels: small values come out too small, which the bands do not" in below
    assert "conservative: in simulation 1.4 to 3 times as wide" in below
    enough = dataclasses.replace(found, facts={**found.facts, "few_for": None})
    assert "too small" not in draw(enough, None).get_supxlabel()
    (held,) = notes({"tokens": (64, 128), "images": (64, 128)}, {"big": 17}, sizes, 50000)
    assert "17 groups of images; their covariances take 994 MiB in big" in held


def test_a_single_image_has_tokens_only(loaded):
    one = measure({"mini-moco": loaded["mini-moco"]}, open_images("sample", limit=1), Settings(), CPU)
    assert set(one.tables["singular-spectra"]["level"]) == {"tokens"} and one.tables["over_depth"]["low"].isna().all()
    assert any("image" in note and "at least 2" in note for note in one.facts["notes"])
    assert len([ax for ax in draw(one, None).get_axes() if ax.get_title().startswith("Token level")]) == 3


def test_the_figure_shows_the_table(found):
    figure = draw(found, None)
    panels = {ax.get_title(): ax for ax in figure.get_axes() if ax.get_title()}
    assert len(panels) == 8
    ax = panels["Image level: mini-simmim"]
    rows = of(found.tables["singular-spectra"], model="mini-simmim", level="images", depth=8)
    np.testing.assert_allclose(ax.lines[4].get_ydata()[: len(rows)], rows["value"])
    assert ax.get_xlabel() == "Rank" and ax.get_ylabel() == "Log singular value"
    relative = draw(dataclasses.replace(found, facts={**found.facts, "relative": True}), None)
    labels = {ax.get_ylabel() for ax in relative.get_axes() if ax.get_title().startswith("Image level: rank")}
    assert labels == {"Log singular value\nless that of depth 0"}


@pytest.mark.parametrize("count", [1, 5])
def test_any_number_of_models_stays_inside_the_figure(found, count):
    names = [f"mini-supervised-{number}" for number in range(count)]
    facts = {
        **found.facts,
        "layouts": dict.fromkeys(names, found.facts["layouts"]["mini-moco"]),
        "drawn": {name: [0, 4, 8] for name in names},
    }
    tables = {
        name: type(table)(
            [{**row, "model": model} for model in names for row in of(table, model="mini-moco").to_dict("records")]
        )
        for name, table in found.tables.items()
        if name != "per_image"
    }
    figure = draw(Findings(tables, {}, facts), None)
    figure.draw_without_rendering()
    titles = [ax.title.get_window_extent() for ax in figure.get_axes() if ax.get_title()]
    assert len(titles) == 2 * count + 4
    rows = sorted((box for box in titles), key=lambda box: (round(box.y0), box.x0))
    assert all(a.x1 < b.x0 for a, b in pairwise(rows) if round(a.y0) == round(b.y0))
    boxes = [text.get_window_extent() for text in (figure._suptitle, figure._supxlabel)]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)


def test_results_are_read_back_as_they_were(found, tmp_path):
    write_findings(found, tmp_path, {"experiment": "singular-spectra"})
    again, _ = read_findings(tmp_path)
    np.testing.assert_array_equal(again.tables["over_depth"]["low"], found.tables["over_depth"]["low"])


def test_an_image_of_one_colour_has_no_value_and_the_others_have_theirs(loaded, tmp_path):
    for number, colour in enumerate([None, None, None, "white"]):
        noise = np.random.default_rng(number).integers(0, 256, size=(32, 32, 3), dtype=np.uint8)
        picture = Image.fromarray(noise) if colour is None else Image.new("RGB", (32, 32), colour)
        picture.save(tmp_path / f"{number}.png")
    found = measure({"mini-moco": loaded["mini-moco"]}, open_images(tmp_path), Settings(), CPU)
    values = of(found.tables["per_image"], model="mini-moco", depth=0)
    assert sorted(values["image"].unique()) == [0, 1, 2]
    draw(found, None)
