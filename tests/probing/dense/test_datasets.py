"""Pet and VOC from files of their layout with a few made-up pictures; no network."""

from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image

from probing.dense.data import masked_images, same_classes, train_and_test_masks
from probing.dense.masks import VOID

TRIMAP = np.array([[1, 2, 3], [2, 2, 1]], np.uint8)


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    def refused(*_, **__):
        raise URLError("no network")

    for module in ("voc", "oxford_iiit_pet"):
        monkeypatch.setattr(f"torchvision.datasets.{module}.download_and_extract_archive", refused)


def pets(root):
    base = root / "oxford-iiit-pet"
    (base / "images").mkdir(parents=True)
    (base / "annotations" / "trimaps").mkdir(parents=True)
    for name in ("Beagle_1", "Sphynx_2", "Sphynx_3"):
        Image.new("RGB", (3, 2), "red").save(base / "images" / f"{name}.jpg")
        Image.fromarray(TRIMAP).save(base / "annotations" / "trimaps" / f"{name}.png")
    (base / "annotations" / "trainval.txt").write_text("Beagle_1 1 2 1\nSphynx_2 2 1 1\n")
    (base / "annotations" / "test.txt").write_text("Sphynx_3 2 1 1\n")


def voc(root):
    base = root / "VOCdevkit" / "VOC2012"
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (base / folder).mkdir(parents=True)
    for name in ("a", "b", "c"):
        Image.new("RGB", (3, 2), "red").save(base / "JPEGImages" / f"{name}.jpg")
        mask = Image.fromarray(np.array([[0, 20, 255], [7, 7, 0]], np.uint8))
        mask.putpalette(np.arange(768) % 256)
        mask.save(base / "SegmentationClass" / f"{name}.png")
    (base / "ImageSets" / "Segmentation" / "train.txt").write_text("a\nb\n")
    (base / "ImageSets" / "Segmentation" / "val.txt").write_text("c\n")


def test_pets(tmp_path):
    pets(tmp_path)
    train, test = (masked_images(where) for where in train_and_test_masks(f"pets:{tmp_path}", None))
    assert train.names == ("Beagle_1.jpg", "Sphynx_2.jpg") and test.names == ("Sphynx_3.jpg",)
    assert train.classes == ("background", "pet")
    np.testing.assert_array_equal(train[0].mask, [[1, 0, VOID], [0, 0, 1]])
    assert len(masked_images(f"pets:{tmp_path}", limit=1)) == 1


def test_voc(tmp_path):
    voc(tmp_path)
    train, test = (masked_images(where) for where in train_and_test_masks(f"voc:{tmp_path}", None))
    assert train.names == ("a.jpg", "b.jpg") and test.names == ("c.jpg",)
    assert len(train.classes) == 21 and train.classes[20] == "tvmonitor" and train.classes[7] == "car"
    np.testing.assert_array_equal(test[0].mask, [[0, 20, 255], [7, 7, 0]])
    assert test[0].image.getpixel((0, 0))[0] > 250


@pytest.mark.parametrize(("name", "file"), [("pets", "annotations.tar.gz"), ("voc-val", "VOCtrainval_11-May-2012.tar")])
def test_without_network_it_says_what_to_put_where(name, file, tmp_path):
    with pytest.raises(OSError, match=rf"{name} is not whole in .*no network.*; unpack .*{file}.*`{name}:FOLDER`"):
        masked_images(f"{name}:{tmp_path}")


def test_a_file_that_is_missing_is_told_at_the_start(tmp_path):
    pets(tmp_path)
    (tmp_path / "oxford-iiit-pet" / "annotations" / "trimaps" / "Sphynx_2.png").unlink()
    with pytest.raises(OSError, match=r"pets is not whole in .*Sphynx_2.png"):
        masked_images(f"pets:{tmp_path}")


def test_other_classes_in_the_test(tmp_path):
    pets(tmp_path)
    with pytest.raises(ValueError, match=r"shapes has the classes background, circle.* has background, pet: test with"):
        same_classes(masked_images(f"pets:{tmp_path}"), masked_images("shapes", limit=2))


def test_folders_need_test_pairs(tmp_path):
    with pytest.raises(ValueError, match=r"no test images: .* name them with --test"):
        train_and_test_masks(str(tmp_path), None)
    assert train_and_test_masks("shapes:48", None) == ("shapes:48", "shapes-test:48")
