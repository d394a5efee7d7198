"""The zoo's table and figure; its votes against scikit-learn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

import models
from experiments.__main__ import main
from experiments.catalogue import default_models
from experiments.measuring.neighbours import neighbour_votes
from experiments.settings import DEFAULT_MODELS, Settings
from experiments.zoo import MODELS, draw, measure
from study.data import open_images
from study.neighbours import NEIGHBOURS
from study.record import COLUMNS, read_manifest
from study.summary import summary

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Fifty-one pictures of two classes that differ in colour, with much noise."""
    folder = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(0)
    for number in range(51):
        red = number % 3 == 0
        pixels = (
            random.normal(110, 60, (32, 32, 3)) + random.normal(0, 40, 3) + np.array([20, 0, -20]) * (1 if red else -1)
        )
        path = folder / ("red" if red else "blue") / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return open_images(folder)


@pytest.fixture(scope="module")
def findings(labelled):
    loaded = {name: models.load_model(name) for name in ("mini-simmim", "mini-random")}
    return measure(loaded, labelled, Settings(batch_size=20), CPU)


def sklearn_votes(features, labels):
    """Weighted votes of the other half, by scikit-learn in float64."""
    right = np.zeros(len(labels))
    for asked, voting in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        classifier = KNeighborsClassifier(
            n_neighbors=min(NEIGHBOURS, len(labels[voting])),
            metric="cosine",
            weights=lambda distance: np.exp((1 - distance) / 0.07),
        )
        right[asked] = classifier.fit(features[voting], labels[voting]).predict(features[asked]) == labels[asked]
    return right


def test_votes_are_those_of_scikit_learn(labelled):
    model = models.load_model("mini-simmim")
    table = neighbour_votes("it", model, labelled, Settings(batch_size=20), CPU)
    transform = models.image_transform(model)
    with torch.inference_mode():
        tokens = model.forward_features(torch.stack([transform(image) for image in labelled])).double().numpy()
    labels = np.array(labelled.labels)
    for metric, features in {"knn_patches": tokens[:, 1:].mean(1), "knn_class_token": tokens[:, 0]}.items():
        found = table[table["metric"] == metric].sort_values("image")["value"].to_numpy()
        np.testing.assert_array_equal(found, sklearn_votes(features, labels))
        assert 0 < found.mean() < 1  # neither trivial nor hopeless, so that a wrong vote would show


def test_table_and_facts(findings):
    table = findings.tables["zoo"]
    assert list(table.columns) == list(COLUMNS)
    votes = table[table["metric"].isin(["knn_patches", "knn_class_token"])]
    assert len(votes) == 2 * 2 * 51 and set(votes["value"]) == {0.0, 1.0} and set(votes["depth"]) == {8}
    assert findings.facts["classes"] == 2 and findings.facts["metrics"][-1] == "knn_class_token"


def test_without_labels_nobody_votes():
    loaded = {"mini-random": models.load_model("mini-random")}
    findings = measure(loaded, open_images("sample", limit=2), Settings(), CPU)
    assert not findings.tables["zoo"]["metric"].astype(str).str.startswith("knn").any()
    figure = draw(findings, summary(findings.tables["zoo"]))
    assert len(figure.axes) == 4
    plt.close(figure)


def test_figure_shows_every_model_and_chance(findings):
    means = summary(findings.tables["zoo"])
    figure = draw(findings, means)
    bars = figure.axes[-1]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["mini-simmim", "mini-random"]
    drawn = sorted(patch.get_width() for patch in bars.patches)
    expected = sorted(means[means["metric"].astype(str).str.startswith("knn")]["mean"])
    np.testing.assert_allclose(drawn, 100 * np.array(expected))
    assert bars.lines[-1].get_xdata()[0] == 50 and bars.get_xlabel() == "k-NN accuracy (%)"
    for (error,) in (container.errorbar[2] for container in bars.containers if hasattr(container, "errorbar")):
        assert to_hex(error.get_color()[0]) == to_hex("0.25") and error.get_path_effects()  # a white edge
        assert max(x for segment in error.get_segments() for x, _ in segment) > 1  # per cent too
    assert "Δ log amplitude (nats)" in [ax.get_ylabel() for ax in figure.axes]
    plt.close(figure)


def test_models_of_an_experiment_that_names_none():
    assert default_models("zoo") == MODELS
    assert default_models("overview") == DEFAULT_MODELS


def test_several_experiments_have_each_its_own_models(tmp_path):
    assert main(["run", "overview", "zoo", "--images", "2", "--out", str(tmp_path)]) == 0
    found = {name: list(read_manifest(tmp_path / name / "manifest.json")["models"]) for name in ("overview", "zoo")}
    assert found == {"overview": list(DEFAULT_MODELS), "zoo": list(MODELS)}
