"""What heads say of features, against scikit-learn on the same features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from models import TokenLayout
from probing.features.frozen import Cell
from probing.features.store import Features, array_name
from probing.heads import Passing, knn_rows, linear_rows
from probing.inputs import Inputs
from probing.linear.training import Plan
from probing.presets import preset
from study.processes import Process

HERE = Process(0, 1, torch.device("cpu"))
CELLS = (Cell(0, "patches"), Cell(1, "class_token"), Cell(1, "both"))
CLASSES, TRAIN, TEST = 4, 200, 80


def written(folder, images, seed):
    """Features of which a probe can learn something, of different widths."""
    folder.mkdir()
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, images)
    for cell in CELLS:
        channels = 20 if cell.pooling == "both" else 10
        centres = np.random.default_rng([cell.layer, channels]).normal(size=(CLASSES, channels))
        vectors = centres[labels] + 1.5 * generator.normal(size=(images, channels))
        np.save(folder / array_name(cell), vectors.astype(np.float32))
    manifest = {
        "identity": {"norm": "none", "dtype": "float32", "weights": "0f"},
        "complete": [array_name(cell) for cell in CELLS],
        "begun": [],
    }
    return Features(folder, labels, tuple("abcd"), TokenLayout(1, 0, (2, 2), 4), manifest)


@pytest.fixture
def given(tmp_path):
    train, test = written(tmp_path / "train", TRAIN, 0), written(tmp_path / "test", TEST, 1)
    return Inputs(
        name="some",
        model=torch.nn.Identity(),
        train=train,
        test=test,
        fit=torch.arange(TRAIN),
        train_labels=torch.from_numpy(train.labels),
        test_labels=torch.from_numpy(test.labels),
        classes=train.classes,
        train_images=None,
    )


def values(rows):
    return {(row["layer"], row["pooling"], row["head"]): row["value"] for row in rows}


def test_knn_is_scikit_learns(given):
    rows = values(knn_rows(given, CELLS, ("knn", "knn_plain"), HERE, k=7))
    for cell in CELLS:
        bank, asked = given.train.pooled(*cell), given.test.pooled(*cell)
        for head, weights in (("knn_plain", "uniform"), ("knn", lambda far: np.exp((1 - far) / 0.07))):
            model = KNeighborsClassifier(7, weights=weights, metric="cosine").fit(bank, given.train.labels)
            assert rows[(*cell, head)] == np.mean(model.predict(asked) == given.test.labels)


def test_logistic_probe_is_scikit_learns_alone(given):
    rows, probes = linear_rows(given, CELLS, Plan(preset("lbfgs"), rates=(10.0,)), HERE)
    found = values(rows)
    for cell in CELLS:
        scaler = StandardScaler().fit(given.train.pooled(*cell))
        model = LogisticRegression(C=1 / (1e-3 * TRAIN), tol=1e-8, max_iter=5000)
        model.fit(scaler.transform(given.train.pooled(*cell)), given.train.labels)
        expected = model.score(scaler.transform(given.test.pooled(*cell)), given.test.labels)
        assert found[(*cell, "linear")] == pytest.approx(expected, abs=0.002)
        assert probes[cell].recipe == "lbfgs-v1: weight decay 0.001, 200 training images, norm none"


def test_augmentation_and_batches_need_a_training_in_steps(given):
    with pytest.raises(ValueError, match="lbfgs takes all images at once: it has no batches and no augmentation"):
        linear_rows(given, CELLS, Plan(preset("lbfgs"), rates=(10.0,)), HERE, augmented=Passing())


def test_the_penalty_is_chosen_on_held_out_images(given):
    rows, probes = linear_rows(given, CELLS, Plan(preset("lbfgs"), rates=(0.1, 1.0, 1e5)), HERE)
    held = sum(int(count) // 10 for count in given.train_labels.bincount())
    assert all(f"chosen on {held} held-out images" in row["recipe"] for row in rows)
    assert not any("weight decay 10 " in row["recipe"] for row in rows)  # under which all weights vanish
    assert set(probes) == set(CELLS)


def test_gradient_probes_of_two_widths(given):
    plan = Plan(preset("mocov3"), rates=(0.01, 0.1), epochs=20, batch=50)
    rows, probes = linear_rows(given, CELLS, plan, HERE)
    assert set(values(rows)) == {(*cell, "linear") for cell in CELLS}
    assert probes[Cell(1, "both")].weight.shape == (CLASSES, 20)
    assert min(values(rows).values()) > 1.5 / CLASSES
    for row in rows:
        assert row["low"] < row["value"] < row["high"] and row["images"] == TEST


def test_low_shot_uses_only_its_images(given):
    import dataclasses

    few = dataclasses.replace(given, fit=torch.arange(10))
    rows = values(knn_rows(few, CELLS[:1], ("knn_plain",), HERE))
    model = KNeighborsClassifier(10, metric="cosine").fit(
        given.train.pooled(0, "patches")[:10], given.train.labels[:10]
    )
    expected = np.mean(model.predict(given.test.pooled(0, "patches")) == given.test.labels)
    assert rows[(0, "patches", "knn_plain")] == expected  # k is cut to the images there are
