"""`frequency-noise` from files to table, against noise and answers made without it."""

import json

import pytest
import torch

from ops import frequency_noise
from probing.__main__ import main
from probing.evaluation.pictures import seed_of
from probing.table import read_results
from tests.probing.evaluation._made import CELLS, by_hand, folder, prepared, probes

NAMES = [f"{name}/{number}" for name in ("cat", "dog", "ship") for number in range(8)]
CLASSES = ("ship", "dog", "cat", "zebra")  # matched by name, in another order


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("noise"), NAMES)


@pytest.fixture
def trained(tmp_path):
    """A folder with a file of probes."""
    return probes(tmp_path / "probes-one.safetensors", CLASSES)


def noise(images, out, *arguments):
    return main(["frequency-noise", "--data", str(images), "--probes", str(out), "--out", str(out), *arguments])


def noisy(names, frequency, epsilon, width=0.1, seed=0):
    for name, image in zip(names, prepared(names), strict=True):
        generator = torch.Generator().manual_seed(seed_of(seed, f"{frequency:.6f}", f"{name}.png"))
        yield frequency_noise(image, frequency=frequency, epsilon=epsilon, width=width, generator=generator)


def test_table(images, tmp_path, trained, capsys):
    options = ["--frequencies", "0.2", "0.7", "--epsilon", "3", "--batch-size", "5", "--width", "0.2"]
    assert noise(images, tmp_path, *options) == 0
    table = read_results(tmp_path).set_index(["layer", "pooling", "metric"])["value"]
    truth = torch.tensor([CLASSES.index(name.split("/")[0]) for name in NAMES])[:, None]
    clean = (by_hand(trained, prepared(NAMES)) == truth).double()
    for frequency in (0.2, 0.7):
        right = (by_hand(trained, list(noisy(NAMES, frequency, 3.0, 0.2))) == truth).double()
        for number, cell in enumerate(CELLS):
            found = [
                table[(*cell, metric)]
                for metric in ("accuracy", f"accuracy@{frequency}pi", f"accuracy_drop@{frequency}pi")
            ]
            before, after = clean[:, number].mean().item(), right[:, number].mean().item()
            assert found == pytest.approx([before, after, before - after], abs=1e-12)
    out = capsys.readouterr().out
    assert "epsilon 3 in units of normalised images" in out
    assert "note: images of 32 pixels" not in out  # 3 and 4 bins
    assert "mini-random, layer 8, patches:" in out
    recipes = read_results(tmp_path).set_index("metric")["recipe"]
    assert set(recipes["accuracy@0.2pi"]) == {f"drawn {n}; noise epsilon=3 width=0.2pi seed=0" for n in (0, 3, 8)}


def test_interval_of_the_drop_is_paired(images, tmp_path, trained):
    """Where noise changes no answer, drop and interval are 0, however uncertain the accuracy itself is."""
    assert noise(images, tmp_path, "--frequencies", "0.5", "--epsilon", "1e-6") == 0
    table = read_results(tmp_path).set_index("metric")[["value", "low", "high"]]
    assert (table.loc["accuracy_drop@0.5pi"] == 0).all(axis=None)
    assert (table.loc["accuracy@0.5pi", "high"] > table.loc["accuracy@0.5pi", "low"]).any()


def test_calibration(images, tmp_path, trained, capsys):
    """The labels are what the last layer answers, so that its clean accuracy is 1 and can fall."""
    answers = by_hand(trained, prepared(NAMES))[:, 2]
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{name.replace('/', '-')} {CLASSES[n]}\n" for name, n in zip(NAMES, answers)))
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in images.rglob("*.png"):
        (flat / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    options = ["--frequencies", "0.3", "--labels", str(labels), "--calibrate", "15", "--on", "mini-random"]
    assert noise(flat, tmp_path, *options) == 0
    found = json.loads((tmp_path / "probing.json").read_text())["noise"]
    assert (found["calibration"]["layer"], found["calibration"]["pooling"]) == CELLS[2]
    assert found["calibration"]["drop"] == pytest.approx(0.15, abs=0.05)  # of 24 images
    assert (
        found["epsilon"]
        == found["calibration"]["tried"][
            [d for _, d in found["calibration"]["tried"]].index(found["calibration"]["drop"])
        ][0]
    )
    table = read_results(tmp_path).set_index(["layer", "metric"])["value"]
    assert table[(8, "accuracy")] == 1
    assert table[(8, "accuracy_drop@0.3pi")] == pytest.approx(found["calibration"]["drop"])
    assert f"epsilon {found['epsilon']:g} in units" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--epsilon", "0"], "--epsilon 0: expected above 0"),
        (["--epsilon", "1", "--calibrate", "15"], "--epsilon 1 with --calibrate, which looks for it"),
        (["--on", "mini-moco"], "--on mini-moco is for --calibrate POINTS"),
        (
            ["--calibrate", "15", "--on", "mini-moco"],
            "--on mini-moco: expected the model whose accuracy is to drop, of ",
        ),
        (
            ["--calibrate", "99", "--frequencies", "0.3"],
            "points at most, 99 were asked for: the probe knows too little",
        ),
        (["--frequencies", "0.3", "0.30"], "--frequencies 0.3 0.3: one is given twice"),
        (["--calibration-images", "0"], "--calibration-images 0: expected at least 1"),
        (["--frequencies", "1.5"], "frequency=1.5, width=0.1; expected 0 to 1"),
        (["--batch-size", "0"], "--batch-size 0: expected at least 1"),
    ],
)
def test_complaints(images, tmp_path, trained, capsys, arguments, text):
    assert noise(images, tmp_path, *arguments) == 1
    assert text in capsys.readouterr().err


def test_classes_that_the_probes_do_not_know(images, tmp_path, capsys):
    probes(tmp_path / "probes-one.safetensors", ("cat", "ship"))
    assert noise(images, tmp_path) == 1
    assert (
        "has images of dog, which are none of the 2 classes that the probes know (cat, ship)" in capsys.readouterr().err
    )
