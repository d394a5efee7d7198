import pytest
from PIL import Image

from study import open_images
from study import workbench as module
from study.model_set import ModelSet
from study.workbench import images_of_classes, workbench


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    monkeypatch.delenv("VIT_ANATOMY_MODELS", raising=False)
    monkeypatch.delenv("VIT_ANATOMY_IMAGES", raising=False)


@pytest.fixture
def classes(tmp_path):
    """Five classes of three images."""
    for name in "cadbe":
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_models_images_and_notes():
    bench = workbench("mini-moco, mini-random", "sample", number=4)
    assert list(bench.models.loaded) == ["mini-moco", "mini-random"]
    assert len(bench.images) == 4
    assert not bench.downloads
    assert not bench.remarks
    assert bench.notes[-1] == f"4 images of sample, on {bench.device.type}"
    parameter = next(bench.models.loaded["mini-moco"].parameters())
    assert parameter.device.type == bench.device.type


def test_the_environment_outrules_the_form(monkeypatch):
    monkeypatch.setenv("VIT_ANATOMY_MODELS", "mini-simmim")
    monkeypatch.setenv("VIT_ANATOMY_IMAGES", "sample")
    bench = workbench("moco, simmim", "imagenette", number=2)
    assert list(bench.models.loaded) == ["mini-simmim"]
    assert bench.images.where == "sample"
    assert bench.notes[0] == "VIT_ANATOMY_MODELS is set: mini-simmim, instead of moco, simmim."
    assert not bench.downloads


def test_images_that_cannot_be_had_are_replaced_and_it_says_so(monkeypatch):
    real = module.open_images

    def open_images(where, *, limit):
        if where == "sample":
            return real(where, limit=limit)
        raise OSError("imagenette could not be fetched from https://host (refused); unpack it yourself")

    monkeypatch.setattr(module, "open_images", open_images)
    bench = workbench("mini-moco", "imagenette", number=3)
    assert bench.images.where == "sample"
    [remark] = bench.remarks
    assert remark.startswith("imagenette cannot be had (imagenette could not be fetched from https://host)")
    assert "scikit-learn and scikit-image" in remark


def test_downloads_where_a_model_does_not_come_with_the_project(monkeypatch):
    answers = {"moco": None, "mini-moco": None}
    monkeypatch.setattr(module, "open_models", lambda names, *, device: ModelSet(answers, {}, False))
    assert workbench("mini-moco, moco", "sample", number=1).downloads
    del answers["moco"]  # its host refuses
    assert not workbench("mini-moco, moco", "sample", number=1).downloads


def test_images_of_classes_with_labels(classes):
    images = open_images(classes)
    numbers, kinds, names = images_of_classes(images, classes=2, each=2)
    assert [images.names[number] for number in numbers] == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    assert kinds == [0, 0, 1, 1]
    assert names == ["a", "b"]


def test_images_of_classes_that_are_present_only(classes):
    images = open_images(classes, limit=3)  # of a, b and d
    numbers, kinds, names = images_of_classes(images, classes=9, each=9)
    assert names == sorted({images.names[number][0] for number in numbers})
    assert kinds == [0, 1, 2]


def test_images_of_classes_without_labels():
    images = open_images("sample", limit=5)
    assert images_of_classes(images, classes=2, each=3) == ([0, 1, 2], [0, 1, 2], list(images.names[:3]))
    assert images_of_classes(images, classes=2, each=9)[0] == [0, 1, 2, 3, 4]
