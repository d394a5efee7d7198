"""torchvision's data sets from files of their format with a few made-up images; no network."""

import pickle
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision.datasets
from PIL import Image

from pretraining.data import open_collection
from pretraining.data.datasets import default_root

CLASSES = ["ant", "bee", "cow"]


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    def refused(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", refused)
    monkeypatch.setattr("torchvision.datasets.stl10.download_and_extract_archive", refused)


def cifar(root, kind, monkeypatch, count=5):
    """A CIFAR of `count` images in training and one in test; checksums of the real files are not asked for."""
    dataset = getattr(torchvision.datasets, kind)
    folder, labels = root / dataset.base_folder, "labels" if kind == "CIFAR10" else "fine_labels"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (count + 1, 3, 32, 32), dtype=np.uint8)
    for name, chosen in [("one", slice(0, count)), ("two", slice(count, None))]:
        data = images[chosen].reshape(-1, 3072)
        (folder / name).write_bytes(pickle.dumps({"data": data, labels: [i % 3 for i in range(len(data))]}))
    (folder / "meta").write_bytes(pickle.dumps({dataset.meta["key"]: CLASSES}))
    monkeypatch.setattr(dataset, "train_list", [["one", None]])
    monkeypatch.setattr(dataset, "test_list", [["two", None]])
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "filename": "meta", "md5": None})
    return images.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("kind", ["CIFAR10", "CIFAR100"])
def test_cifar(kind, tmp_path, monkeypatch):
    images = cifar(tmp_path, kind, monkeypatch)
    found, test = (open_collection(f"{kind.lower()}{split}:{tmp_path}") for split in ("", "-test"))
    np.testing.assert_array_equal(found.pixels, images[:5])
    np.testing.assert_array_equal(np.asarray(found[4]), images[4])
    np.testing.assert_array_equal(test.pixels, images[5:])
    assert found.labels == (0, 1, 2, 0, 1) and found.classes == tuple(CLASSES) and len(found.names) == 5
    some = open_collection(f"{kind.lower()}:{tmp_path}", limit=2)
    np.testing.assert_array_equal(some.pixels, images[[0, 2]])
    assert some.labels == (0, 2) and some.digest != found.digest


def test_stl10(tmp_path, monkeypatch):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 96, 96), dtype=np.uint8)
    files = {"train_X.bin": 1, "test_X.bin": 1, "unlabeled_X.bin": 4}
    for name, count in files.items():
        (folder / name).write_bytes(images[:count].transpose(0, 1, 3, 2).tobytes())  # stored column by column
    (folder / "train_y.bin").write_bytes(b"\x02")
    (folder / "test_y.bin").write_bytes(b"\x01")
    (folder / "class_names.txt").write_text("\n".join(CLASSES))
    stl = torchvision.datasets.STL10
    monkeypatch.setattr(stl, "train_list", [[n, None] for n in ("train_X.bin", "train_y.bin", "unlabeled_X.bin")])
    monkeypatch.setattr(stl, "test_list", [["test_X.bin", None], ["test_y.bin", None]])
    found, train = open_collection(f"stl10:{tmp_path}"), open_collection(f"stl10-train:{tmp_path}")
    np.testing.assert_array_equal(found.pixels, images.transpose(0, 2, 3, 1))
    assert found.labels is None and found.classes == () and train.labels == (1,)
    assert train.classes[:3] == tuple(CLASSES)


@pytest.mark.parametrize(
    ("name", "file"),
    [("cifar10", "cifar-10-batches-py"), ("cifar100-test", "cifar-100-python"), ("stl10", "stl10_binary")],
)
def test_without_network_it_says_what_to_put_where(name, file, tmp_path):
    with pytest.raises(
        OSError, match=rf"{name} is not whole in .* \(.*no network.*\); unpack .*{file}.*`{name}:FOLDER`"
    ):
        open_collection(f"{name}:{tmp_path}")


def test_folder_without_a_name_is_beside_torchs_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert default_root() == tmp_path / "datasets"
    images = cifar(tmp_path / "datasets", "CIFAR10", monkeypatch)
    assert torch.equal(open_collection("cifar10").pixels, torch.from_numpy(images[:5]))


def test_imagenet_is_its_folder(tmp_path):
    for number, name in enumerate(["train/n01/1.JPEG", "train/n02/2.JPEG", "val/n02/3.JPEG"]):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        Image.new("RGB", (9 + number, 8)).save(path)
    train, val = open_collection(f"imagenet:{tmp_path}"), open_collection(f"imagenet-val:{tmp_path}")
    assert train.classes == ("n01", "n02") and train.names == ("n01/1.JPEG", "n02/2.JPEG") and len(val) == 1


def test_imagenet_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="imagenet cannot be downloaded; expected `imagenet:ROOT`"):
        open_collection("imagenet")
    with pytest.raises(
        OSError, match=r"no folder .*train; expected ImageNet's images there, one folder for each class"
    ):
        open_collection(f"imagenet:{tmp_path}")
