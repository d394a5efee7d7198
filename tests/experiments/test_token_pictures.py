"""Experiments that show tokens: their numbers against functions called by hand and scikit-learn, drawn from tables."""

import dataclasses
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

import ops
from experiments import pca, token_transformation, token_tsne
from experiments.__main__ import main
from experiments.applicable import NotApplicable
from experiments.catalogue import experiment
from experiments.settings import Settings
from experiments.tokens.clouds import two_images
from models import load_model
from study.data import open_images
from study.loading import loaded_models
from study.patch_tokens import patch_tokens
from study.record import read_table

ROOT = Path(__file__).parent.parent.parent
NAMES = ("token-transformation", "token-tsne", "pca")
CPU = torch.device("cpu")
MODELS = ("mini-simmim", "mini-random")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Folder with the results of the three on the same three images."""
    made = tmp_path_factory.mktemp("results")
    assert main(["run", *NAMES, "--models", *MODELS, "--images", "3", "--depths", "8", "--out", str(made)]) == 0
    return made


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=3)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Three classes of two noise images, the classes of different brightness."""
    folder, random = tmp_path_factory.mktemp("labelled"), np.random.default_rng(0)
    for number, name in enumerate("abc"):
        (folder / name).mkdir()
        for image in range(2):
            pixels = random.integers(80 * number, 80 * number + 80, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{image}.png")
    return folder


@pytest.fixture(scope="module")
def simmim():
    return {"mini-simmim": load_model("mini-simmim")}


def of(table: pd.DataFrame, **where) -> pd.DataFrame:
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def read(results: Path, name: str, table: str) -> pd.DataFrame:
    return read_table(results / name / f"{table}.csv", columns=())


@pytest.mark.parametrize("count", [1, 2])
def test_clouds_lie_on_axes_of_their_own_panel(results, simmim, images, count):
    model, pair = simmim["mini-simmim"], two_images(images)
    both = [patch_tokens(model, images, pair, depth=8, point=f"{when}_attention") for when in ("before", "after")]
    tokens = torch.stack(both)[:, :count].flatten(0, 2).double().numpy()
    found = of(read(results, "token-transformation", "clouds"), model="mini-simmim", images=count)
    shown = found.sort_values(["after", "image", "token"])[["component_1", "component_2", "component_3"]].to_numpy()
    expected = PCA(3, svd_solver="full").fit(tokens)
    np.testing.assert_allclose(np.abs(shown), np.abs(expected.transform(tokens)), atol=1e-4)  # tokens are float32
    shares = of(read(results, "token-transformation", "axes"), model="mini-simmim", images=count)["share"]
    np.testing.assert_allclose(shares, expected.explained_variance_ratio_, atol=1e-5)


def test_spread_is_token_spread(results, simmim, images):
    tokens = patch_tokens(simmim["mini-simmim"], images, range(3), depth=8, point="after_attention")
    rows = of(read(results, "token-transformation", "spread"), model="mini-simmim", depth=8).sort_values("image")
    expected = ops.token_spread(tokens)
    np.testing.assert_allclose(rows["within_after"], expected["within"], rtol=1e-4)
    np.testing.assert_allclose(rows["between_after"], expected["between"], rtol=1e-4)
    means = of(read(results, "token-transformation", "token-transformation"), model="mini-simmim", depth=8)
    within = (rows["within_after"] / rows["within_before"]).mean()
    assert of(means, metric="within")["value"].item() == pytest.approx(within, rel=1e-9)
    assert ((means["low"] <= means["value"]) & (means["value"] <= means["high"])).all()


def test_basis_is_that_of_the_settings(simmim, images):
    found = {}
    for basis in ("before", "after"):
        findings = token_transformation.measure(simmim, images, Settings(basis=basis, depths=(4,)), CPU)
        found[basis] = of(findings.tables["clouds"], images=2)
        assert basis in token_transformation.draw(findings, None).get_supxlabel()
        fitted = of(found[basis], after=int(basis == "after"))
        np.testing.assert_allclose(fitted["component_1"].mean(), 0, atol=1e-5)
    assert not np.allclose(found["before"]["component_1"], found["after"]["component_1"])


def test_two_images_are_of_two_classes(labelled):
    images = open_images(labelled)
    assert two_images(images) == [0, 2]
    assert two_images(dataclasses.replace(images, labels=(1,) * 6)) == [0, 3]
    assert two_images(dataclasses.replace(images, labels=None)) == [0, 3]
    assert two_images(open_images(labelled, limit=1)) == [0]


def test_no_more_centres_are_held_than_the_bound(simmim, images, monkeypatch):
    monkeypatch.setattr(token_transformation, "MOST", 2)
    findings = token_transformation.measure(simmim, images, Settings(), CPU)
    assert set(findings.tables["spread"]["image"]) == {0, 1} and findings.facts["measured"] == 2
    assert "numbers over depth are of 2 of 3 images, evenly spaced (bound: 2)" in findings.facts["notes"]


def test_one_image_has_clouds_and_no_distance_to_others(simmim):
    findings = token_transformation.measure(simmim, open_images("sample", limit=1), Settings(), CPU)
    table = findings.tables["token-transformation"]
    assert of(table, metric="between")["value"].isna().all() and of(table, metric="common")["value"].notna().all()
    texts = [text.get_text() for text in token_transformation.draw(findings, None).findobj(matplotlib.text.Text)]
    assert "needs two images" in texts and any("a single image" in text for text in texts)


def test_purity_is_that_of_sklearn(results, simmim, images):
    tokens = patch_tokens(simmim["mini-simmim"], images, range(3), depth=8).flatten(0, 1).numpy()
    nearest = NearestNeighbors(n_neighbors=2).fit(tokens).kneighbors(tokens, return_distance=False)[:, 1]
    expected = (nearest.reshape(3, 64) // 64 == np.arange(3)[:, None]).mean(1)
    rows = of(read(results, "token-tsne", "purity"), model="mini-simmim", depth=8).sort_values("image")
    np.testing.assert_allclose(rows["value"], expected)
    mean = of(read(results, "token-tsne", "purity_mean"), model="mini-simmim", depth=8)
    assert mean["value"].item() == pytest.approx(expected.mean()) and mean["low"].item() <= expected.mean()
    assert mean["chance"].item() == pytest.approx(63 / 191)


def test_tsne_is_that_of_ops(results, simmim, images):
    tokens = patch_tokens(simmim["mini-simmim"], images, range(3), depth=8)
    rows = of(read(results, "token-tsne", "token-tsne"), model="mini-simmim")
    np.testing.assert_array_equal(rows[["x", "y"]], ops.token_tsne(tokens, seed=0).flatten(0, 1).double())
    assert set(rows["label"]) == {0, 1, 2}


def test_classes_have_colours_and_a_purity_of_their_own(simmim, labelled):
    findings = token_tsne.measure(simmim, open_images(labelled), Settings(depths=(1,)), CPU)
    assert findings.facts["classes"] == ["a", "b", "c"] and not findings.facts["classes_are_images"]
    assert set(findings.tables["token-tsne"]["label"]) == {0, 1, 2}
    means = of(findings.tables["purity_mean"], metric="same_class", depth=0)
    assert means["chance"].item() == pytest.approx(1 / 5) and means["value"].item() > 0.9  # brightness tells classes


def test_tokens_held_are_bounded(simmim, images, labelled, monkeypatch):
    monkeypatch.setattr(token_tsne, "MOST", 200)
    for some, kept in ((open_images(labelled), [0, 2, 4]), (open_images("sample", limit=6), [0, 1, 2])):
        findings = token_tsne.measure(simmim, some, Settings(perplexity=5.0), CPU)
        assert list(map(int, findings.facts["shown"])) == kept
        assert "3 images instead of 6: 64 tokens each, and at most 200 are held" in findings.facts["notes"]
        assert "192 tokens x 96 channels" in findings.facts["notes"][0]


MISTAKES = {
    "depth": (["--depths", "3", "9"], "--depths 9: mini-simmim has 8 blocks, depths 1 to 8; choose depths"),
    "one image": (["--images", "1"], "token-tsne compares tokens of several images, and sample gives 1"),
    "perplexity": (["--images", "2", "--perplexity", "128"], "2 images have 128 in the smallest model"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake, tmp_path, capsys):
    typed, complaint = MISTAKES[mistake]
    assert main(["run", "token-tsne", "--models", "mini-simmim", *typed, "--out", str(tmp_path / "run")]) == 1
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rule", ["0.5", "above:1.5", "over:0.5", "above:", "below:0"])
def test_rules_that_are_none(rule, tmp_path, capsys):
    assert main(["run", "pca", "--foreground", rule, "--out", str(tmp_path / "run")]) == 1
    assert f"--foreground {rule}: expected above:SHARE or below:SHARE" in capsys.readouterr().err


def test_a_rule_that_keeps_too_few(simmim, images):
    with pytest.raises(NotApplicable, match=r"mini-simmim, depth 8: --foreground above:0.9999: foreground keeps 1 of"):
        pca.measure(simmim, images, Settings(foreground="above:0.9999"), CPU)


@pytest.mark.parametrize("fit", ["joint", "image"])
def test_components_and_variance_are_those_of_sklearn(fit, simmim, images):
    findings = pca.measure(simmim, images, Settings(fit=fit), CPU)
    tokens = patch_tokens(simmim["mini-simmim"], images, range(3), depth=8).double().numpy()
    groups = {-1: tokens.reshape(-1, 96)} if fit == "joint" else dict(enumerate(tokens))
    table = findings.tables["pca"]
    for image, points in groups.items():
        rows = table if image == -1 else of(table, image=image)
        expected = PCA(3, svd_solver="full").fit(points)
        shown = rows.sort_values(["image", "row", "col"])
        components = shown[["component_1", "component_2", "component_3"]].to_numpy()
        np.testing.assert_allclose(np.abs(components), np.abs(expected.transform(points)), atol=1e-8)
        span = components.max(0) - components.min(0)
        np.testing.assert_allclose(shown[pca.COLOURS], (components - components.min(0)) / span, atol=1e-9)
        shares = of(findings.tables["variance"], image=image)["share"]
        np.testing.assert_allclose(shares, expected.explained_variance_ratio_, atol=1e-10)


def test_background_has_no_colour(simmim, images):
    findings = pca.measure(simmim, images, Settings(foreground="below:0.5"), CPU)
    plain = pca.measure(simmim, images, Settings(), CPU).tables["pca"]
    kept = findings.tables["pca"]["red"].notna()
    np.testing.assert_array_equal(kept, plain["red"] < 0.5)
    assert findings.tables["variance"]["kept"].iloc[0] == pytest.approx(kept.mean())


def test_photographs_stand_once_for_each_field_of_view(golden, images):
    file = str(golden / "checkpoints" / "simmim_vit" / "checkpoint.pth")
    loaded = {**loaded_models(["mini-moco", file], num_heads=4), "cropped": load_model("mini-random")}
    for model, share in zip(loaded.values(), (1.0, 1.0, 0.5), strict=True):
        model.pretrained_cfg["crop_pct"] = share
    findings = pca.measure(loaded, images, Settings(), CPU)
    assert {tuple(layout["grid"]) for layout in findings.facts["layouts"].values()} == {(4, 4), (8, 8)}
    assert findings.facts["views"] == {"mini-moco": 0, "checkpoint.pth": 0, "cropped": 1}
    assert len(findings.pictures) == 2 * len(images)
    assert len(pca.draw(findings, None).axes) == (3 + 2) * len(images)


def test_only_models_of_as_many_tokens_are_subtracted(golden, images):
    files = [str(golden / "checkpoints" / "simmim_vit" / "checkpoint.pth")]
    loaded = loaded_models(["mini-moco", *files, "mini-simmim"], num_heads=4)
    findings = token_tsne.measure(loaded, images, Settings(perplexity=5.0), CPU)
    assert set(findings.tables["purity"]["model"]) == {"mini-moco", "checkpoint.pth", "mini-simmim"}
    assert set(findings.tables["differences"]["model"]) == {"mini-simmim"}
    note = "differences leave out checkpoint.pth (16): mini-moco has 64 tokens in an image, and shares depend on that"
    assert note in findings.facts["notes"]
    alone = token_tsne.measure({"mini-moco": loaded["mini-moco"]}, images, Settings(perplexity=5.0), CPU)
    assert not any("leave out" in note for note in alone.facts["notes"])


@pytest.mark.parametrize("name", NAMES)
def test_models_of_different_grids_share_a_figure(name, golden, images, tmp_path):
    loaded = loaded_models(["mini-moco", str(golden / "checkpoints" / "simmim_vit" / "checkpoint.pth")], num_heads=4)
    findings = experiment(name).measure(loaded, images, Settings(dtype="bfloat16"), CPU)
    figure = experiment(name).draw(findings, None)
    texts = " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    assert "mini-moco" in texts and "checkpoint.pth" in texts and "depth 8" in texts and "depth 3" in texts
    figure.savefig(tmp_path / "figure.png")
