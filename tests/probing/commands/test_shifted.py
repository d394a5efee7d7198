"""`shifted` from files to table, against answers made without it."""

import json

import pytest
import torch

from models import image_transform, load_model
from probing.__main__ import main
from probing.data import labelled_images
from probing.evaluation.amplitude_swap import amplitude_swapped
from probing.evaluation.pictures import AmplitudeSwapped
from probing.table import read_results
from tests.probing.evaluation._made import CELLS, by_hand, folder, prepared, probes

NAMES = [f"{name}/{number}" for name in ("cat", "dog", "ship") for number in range(8)]
CLASSES = ("ship", "dog", "cat")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("clean"), NAMES)


def shifted(images, out, *arguments):
    return main(["shifted", "--data", str(images), "--probes", str(out), "--out", str(out), *arguments])


def right(made, names, tensors):
    truth = torch.tensor([CLASSES.index(name.split("/")[0]) for name in names])[:, None]
    return (by_hand(made, tensors) == truth).double()


def found(out):
    table = read_results(out).set_index(["layer", "pooling", "metric"])
    return [[table.loc[(*cell, metric), "value"] for cell in CELLS] for metric in METRICS], table


METRICS = ("accuracy", "accuracy_shifted", "relative_accuracy")


def test_our_textures(images, tmp_path):
    made = probes(tmp_path / "probes-one.safetensors", CLASSES)
    assert shifted(images, tmp_path, "--textures", "amplitude-swapped", "--seed", "2", "--batch-size", "5") == 0
    opened = labelled_images(str(images))
    swapped = AmplitudeSwapped(opened, image_transform(load_model("mini-random")), 2)
    tensors = prepared(NAMES)
    others = [amplitude_swapped(tensors[n], tensors[swapped.partner(n)]) for n in range(len(NAMES))]
    before, after = right(made, NAMES, tensors).mean(dim=0), right(made, NAMES, others).mean(dim=0)
    values, table = found(tmp_path)
    for own, expected in zip(values, (before, after, after / before), strict=True):
        assert own == pytest.approx(expected.tolist(), abs=1e-12, nan_ok=True)
    assert table["recipe"].iloc[1] == "drawn 0; textures=amplitude-swapped (ours) seed=2, paired"
    assert json.loads((tmp_path / "probing.json").read_text())["shift"]["textures"] == "amplitude-swapped"


def test_a_folder_of_the_same_photographs_is_paired(images, tmp_path):
    """Half of them, of two classes, under another suffix: the same pictures, so the ratio is 1 without doubt."""
    probes(tmp_path / "probes-one.safetensors", CLASSES)
    part = folder(tmp_path / "other", [name for name in NAMES[:16] if int(name[-1]) % 2], kind="bmp")
    assert shifted(images, tmp_path, "--shifted", str(part)) == 0
    values, table = found(tmp_path)
    assert values[0] == values[1]
    assert set(table["images"]) == {8}
    ratios = table.xs("relative_accuracy", level="metric")
    assert ((ratios["value"] == 1) | ratios["value"].isna()).all()
    assert ((ratios["low"] == 1) | ratios["low"].isna()).all()
    assert json.loads((tmp_path / "probing.json").read_text())["shift"]["paired"] is True


def test_other_photographs_are_compared_with_all_of_their_classes(images, tmp_path):
    made = probes(tmp_path / "probes-one.safetensors", CLASSES)
    names = [f"{name}/new{number}" for name in ("dog", "ship") for number in range(4)]
    assert shifted(images, tmp_path, "--shifted", str(folder(tmp_path / "other", names))) == 0
    values, table = found(tmp_path)
    before = right(made, NAMES[8:], prepared(NAMES[8:])).mean(dim=0)
    after = right(made, names, prepared(names)).mean(dim=0)
    assert values[0] == pytest.approx(before.tolist())
    assert values[1] == pytest.approx(after.tolist())
    assert table.loc[(*CELLS[0], "accuracy"), "images"] == 16
    assert "not paired" in table.loc[(*CELLS[0], "accuracy_shifted"), "recipe"]


def test_complaints(images, tmp_path, capsys):
    probes(tmp_path / "probes-one.safetensors", CLASSES)
    assert shifted(images, tmp_path) == 1
    assert "one of the arguments --shifted --textures is required" in capsys.readouterr().err
    other = folder(tmp_path / "other", ["dog/1", "zebra/1"])
    assert shifted(images, tmp_path, "--shifted", str(other)) == 1
    assert "has images of zebra, which are none of the 3 classes" in capsys.readouterr().err
    assert (
        main(
            [
                "shifted",
                "--data",
                str(images),
                "--shifted",
                str(images),
                "--model",
                "mini-random",
                "--out",
                str(tmp_path),
            ]
        )
        == 1
    )
    assert "mini-random answers with 0 classes" in capsys.readouterr().err
