"""`shape-bias` from files to table, against decisions made without it."""

import json
import math
import shutil

import pytest

from probing.__main__ import main
from probing.evaluation.sixteen_classes import SIXTEEN, sixteen_from_imagenet
from probing.table import read_results
from tests.probing.evaluation._made import CELLS, by_hand, folder, logits_by_hand, prepared, probes

CLASSES = tuple(reversed(SIXTEEN))  # not in the order of decisions
PAIRS = [(own, other) for own in SIXTEEN[:5] for other in SIXTEEN[:5]] * 2
NAMES = sorted({f"{own}/{own}{number}-{other}{number}" for number, (own, other) in enumerate(PAIRS)})


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("cues"), NAMES)


def shape_bias(images, out, *arguments):
    return main(["shape-bias", "--data", str(images), "--out", str(out), "--batch-size", "7", *arguments])


def counted(decisions):
    """By a loop over names: (bias, shape, texture, neither)."""
    shape = texture = conflicts = 0
    for name, decision in zip(NAMES, decisions, strict=True):
        own, other = (word.rstrip("0123456789") for word in name.split("/")[1].split("-"))
        if own != other:
            conflicts += 1
            shape += decision == own
            texture += decision == other
    neither = conflicts - shape - texture
    bias = shape / (shape + texture) if shape + texture else math.nan
    return bias, shape / conflicts, texture / conflicts, neither / conflicts


def values(table, cell, model="mini-random"):
    rows = table[(table["model"] == model) & (table["layer"] == cell.layer) & (table["pooling"] == cell.pooling)]
    return rows.set_index("metric")["value"]


def test_table_of_probes_on_the_sixteen(images, tmp_path, capsys):
    made = probes(tmp_path / "probes-one.safetensors", CLASSES)
    assert shape_bias(images, tmp_path / "out", "--probes", str(tmp_path)) == 0
    table = read_results(tmp_path / "out")
    found = by_hand(made, prepared(NAMES))
    assert len(found.unique()) > 8  # answers that differ
    for number, cell in enumerate(CELLS):
        expected = counted([CLASSES[answer] for answer in found[:, number].tolist()])
        own = values(table, cell)[["shape_bias", "shape", "texture", "neither"]].tolist()
        assert own == pytest.approx(list(expected), abs=1e-12, nan_ok=True)
    assert set(table["images"]) <= {40, 8}  # of 50 images 10 have no conflict, 8 are of each class of shapes
    assert set(table["head"]) == {"linear"}
    assert set(table["recipe"]) == {"drawn 0", "drawn 3", "drawn 8"}
    assert len(table) == 3 * (4 + 5)
    assert "mini-random, layer 8, patches:" in capsys.readouterr().out


def test_probes_on_imagenet_and_chosen_layers(images, tmp_path):
    made = probes(tmp_path / "p.safetensors", tuple(str(number) for number in range(1000)))
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path / "p.safetensors"), "--layers", "-1") == 0
    table = read_results(tmp_path)
    assert set(table["layer"]) == {8}
    logits = logits_by_hand(made, prepared(NAMES))[2]
    decisions = [SIXTEEN[number] for number in sixteen_from_imagenet(logits).argmax(dim=-1).tolist()]
    expected = list(counted(decisions))
    own = values(table, CELLS[2])[["shape_bias", "shape", "texture", "neither"]].tolist()
    assert own == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_two_models_are_compared_image_by_image(images, tmp_path):
    for number, model in enumerate(("mini-random", "mini-simmim")):
        probes(tmp_path / f"probes-{model}.safetensors", CLASSES, model=model, seed=number)
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path)) == 0
    table = read_results(tmp_path)
    manifest = json.loads((tmp_path / "probing.json").read_text())
    assert set(manifest["models"]) == {"mini-random", "mini-simmim"}
    differences = manifest["bias_differences"]
    assert [(line["layer"], line["pooling"]) for line in differences] == [tuple(cell) for cell in CELLS]
    for cell, line in zip(CELLS, differences, strict=True):
        first, second = (values(table, cell, line[which])["shape_bias"] for which in ("first", "second"))
        assert line["difference"] == pytest.approx(first - second, abs=1e-12, nan_ok=True)


def test_a_stopped_command_goes_on(images, tmp_path, monkeypatch):
    probes(tmp_path / "probes-one.safetensors", CLASSES)
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path)) == 0
    first = (tmp_path / "probing.csv").read_text()

    def no_pass(*arguments, **options):
        raise AssertionError("passed again")

    monkeypatch.setattr("probing.evaluation.passes.answers", no_pass)
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path)) == 0
    assert (tmp_path / "probing.csv").read_text() == first
    probes(tmp_path / "probes-one.safetensors", CLASSES, seed=1)  # others: what was kept is not theirs
    with pytest.raises(AssertionError, match="passed again"):
        shape_bias(images, tmp_path, "--probes", str(tmp_path))


def complaint(capsys):
    return capsys.readouterr().err


def test_complaints(images, tmp_path, capsys):
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path)) == 1
    assert "holds no probes-*.safetensors: train probes with `python -m probing layers" in complaint(capsys)
    probes(tmp_path / "probes-one.safetensors", ("cat", "dog"))
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path)) == 1
    assert "the probes know 2 classes (cat, dog); expected exactly the 16" in complaint(capsys)
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path), "--layers", "5") == 1
    assert "has probes of layers 0, 3, 8" in complaint(capsys)
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path), "--layers", "9") == 1
    assert "layer 9: there are 0 (the embedding) to 8" in complaint(capsys)
    shutil.copy(tmp_path / "probes-one.safetensors", tmp_path / "probes-two.safetensors")
    assert shape_bias(images, tmp_path, "--probes", str(tmp_path)) == 1
    assert "are all of mini-random; give one of them" in complaint(capsys)
    assert shape_bias(images, tmp_path, "--model", "mini-random") == 1
    said = complaint(capsys)
    assert "mini-random answers with 0 classes (0: it has no classifier); the images have 16 (airplane, bear, " in said
    assert "or 1000 as ImageNet's. Train probes" in said and "0, 1, 2" not in said
    folder(tmp_path / "odd", ["cat/cat1-zebra1", "dog/dog1-cat1"])
    assert shape_bias(tmp_path / "odd", tmp_path, "--model", "mini-random") == 1
    assert "cat/cat1-zebra1.png: zebra is none of the 16" in complaint(capsys)
