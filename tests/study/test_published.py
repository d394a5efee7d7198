"""The paper's curves: as they were digitised, and for the same weights and images only."""

import dataclasses
import json
import zipfile

import pytest

from models.weights.registry import REGISTRY
from study import imagenet
from study.data import open_images
from study.imagenet import is_imagenet_validation
from study.published import CURVES, HYBRID, IMAGENET, MOCO_RUNS, SIMMIM_RUNS, published, weights_of_file
from tests.study.test_data import make

OWN = {HYBRID, MOCO_RUNS, SIMMIM_RUNS}


@pytest.fixture
def validation(tmp_path, monkeypatch):
    """Six images under the official names; the count of the whole is set to six."""
    monkeypatch.setattr(imagenet, "COUNT", 6)
    names = [f"n0144076{number % 2}/ILSVRC2012_val_{number:08}.png" for number in range(1, 7)]
    return open_images(make(tmp_path / "val", *names))


def test_only_for_the_same_weights_and_images():
    assert published("nmi", "moco", "imagenette").values[2] == 0.321
    assert published("nmi", "vit_base_patch16_224.mocov3", "imagenette") is published("nmi", "moco", "imagenette")
    others = [("nmi", "mini-moco", "imagenette"), ("nmi", "moco", "sample"), ("nmi", "simmim", "imagenette")]
    for metric, model, images in [*others, ("entropy", "moco", "imagenette"), ("nmi", "moco", None)]:
        assert published(metric, model, images) is None


def test_how_many_images_a_curve_is_of():
    sources = {metric: published(metric, "moco", "imagenette").source for metric in ("distance", "nmi", "amplitude")}
    assert all(sources[metric].endswith(", about 59 images of Imagenette") for metric in ("distance", "nmi"))
    assert sources["amplitude"].endswith(", 16 images of Imagenette")


def test_on_imagenets_validation_images(validation):
    assert published("amplitude", "simmim", validation).values[0] == -2.0
    assert published("amplitude_decoder", "mae", validation).depths == tuple(range(12, 21))
    assert published("linear_probe", "moco", validation).values[-1] == 71.7
    assert published("hybrid_fine_tune", HYBRID, validation).values[1] == 82.29
    for metric, model in [("nmi", "moco"), ("amplitude", "mini-moco"), ("amplitude", "dino"), ("amplitude", "a/moco")]:
        assert published(metric, model, validation) is None
    assert published("amplitude", "simmim", validation.where) is None  # a folder's name proves nothing


def test_which_images_are_imagenets(validation, tmp_path, monkeypatch):
    assert is_imagenet_validation(validation)
    assert is_imagenet_validation(open_images(validation.where, limit=2))  # some of the whole
    assert not is_imagenet_validation(dataclasses.replace(validation, found=5))
    wrong = ["ILSVRC2012_val_00000007", "ILSVRC2012_val_7", "n01440764_10026", "val/ILSVRC2012_val_00000001"]
    for place, name in enumerate(wrong):
        folder = make(tmp_path / str(place), f"{name}.png", *[f"ILSVRC2012_val_0000000{i}.png" for i in range(1, 6)])
        if "/" in name:
            monkeypatch.setattr("study.data.folder_classes", lambda *_: None)
        assert not is_imagenet_validation(open_images(folder)), name


def test_the_whole_of_imagenet_has_50000_images(tmp_path):
    archive = tmp_path / "val.zip"
    with zipfile.ZipFile(archive, "w") as file:
        picture = (make(tmp_path, "one.png") / "one.png").read_bytes()
        for number in range(1, 50_001):
            file.writestr(f"val/ILSVRC2012_val_{number:08}.PNG", picture if number == 1 else b"")
    images = open_images(archive / "val", limit=1)
    assert images.found == 50_000 and is_imagenet_validation(images)


def test_curves_are_complete():
    for curve in CURVES:
        assert len(curve.positions) == len(curve.values) and list(curve.positions) == sorted(curve.positions)
        assert curve.tolerance > 0 and "2305.00729" in curve.source and curve.weights
        assert all(name in REGISTRY or name in OWN for name in curve.weights)
        json.dumps(dataclasses.asdict(curve))
    keys = [(curve.metric, name, curve.images) for curve in CURVES for name in curve.weights]
    assert len(keys) == len(set(keys))


def test_values_are_those_that_were_digitised(data):
    numbers = json.loads((data.parent / "paper_numbers.json").read_text())["P1"]
    fourier, probe, hybrid = (
        numbers[name] for name in ("fourier_delta_log_amp", "layer_linear_probe_depth1_12", "hybrid")
    )
    known = {(curve.metric, curve.weights[0].rpartition(".")[2], curve.images): curve for curve in CURVES}
    for method, tag in {"MoCo": "mocov3", "SimMIM": "simmim", "MAE_encoder": "mae"}.items():
        assert known["amplitude", tag, IMAGENET].values == tuple(fourier[f"{method}_paper"])
        assert known["linear_probe", tag, IMAGENET].values == tuple(probe[method.removesuffix("_encoder")])
    assert known["amplitude_decoder", "mae", IMAGENET].values == tuple(fourier["MAE_decoder_paper_ticks12_20"])
    assert known["hybrid_linear_probe", "hybrid", IMAGENET].values == tuple(hybrid["linear_probe"])
    assert known["hybrid_fine_tune", "hybrid", IMAGENET].values == tuple(hybrid["fine_tune"])
    assert known["hybrid_fine_tune", "hybrid", IMAGENET].positions == tuple(hybrid["lambda"])
    notebook = {"distance": "attention_distance_px", "nmi": "nmi", "amplitude": "fourier_delta_log_amp"}
    for metric, name in notebook.items():
        assert known[metric, "mocov3", "imagenette"].values == tuple(numbers[name]["MoCo_imagenette_notebook"])
    for method, tag in {"MoCo": "mocov3", "SimMIM": "simmim", "MAE": "mae", "DINO": "dino"}.items():
        point = known["probe_and_fine_tune", tag, IMAGENET]
        assert point.positions == (numbers["fig1a"]["linear_probe"][method],)
        assert point.values == (numbers["fig1a"]["fine_tune"][method],)


def test_files_are_told_by_their_hash():
    known = REGISTRY["vit_base_patch16_224.mae"]
    assert weights_of_file(known.sha256) == known.name
    assert weights_of_file("0" * 64) is None and weights_of_file(None) is None
