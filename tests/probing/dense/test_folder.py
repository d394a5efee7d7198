"""Pairs in folders and zips: what matches, what is wrong and how it is told."""

import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image

from probing.dense.folder import UnmatchedFiles, folder_pairs
from probing.dense.masks import JustImages

from ._files import write_pairs


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path / "set")


def masked(path, numbers, mode=None):
    Image.fromarray(np.asarray(numbers), mode).save(path)


def test_pairs_are_matched_by_name(folder):
    Image.open(folder / "images" / "2.png").save(folder / "images" / "2.bmp")
    (folder / "images" / "2.png").unlink()
    pairs = folder_pairs(str(folder))
    assert pairs.names == ("0.png", "1.png", "2.bmp", "3.png") and pairs.classes == ("0", "1", "2")
    image, mask = pairs[2]
    assert image.mode == "RGB" and image.size == (40, 36) and mask.shape == (36, 40)
    np.testing.assert_array_equal(mask, np.asarray(Image.open(folder / "masks" / "2.png")))
    np.testing.assert_array_equal(image, np.asarray(Image.open(folder / "images" / "2.bmp")))
    assert folder_pairs(str(folder), limit=2).names == ("0.png", "2.bmp")


def test_a_zip_is_a_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    inside, outside = folder_pairs(str(tmp_path / "set.zip")), folder_pairs(str(folder))
    assert inside.names == outside.names and inside.digest == outside.digest
    np.testing.assert_array_equal(inside[1].mask, outside[1].mask)


def test_everything_without_a_partner_is_named(folder):
    (folder / "masks" / "1.png").unlink()
    masked(folder / "masks" / "alone.png", np.zeros((4, 4), np.uint8))
    with pytest.warns(UnmatchedFiles, match=r"set: 2 files have no partner and are left out: images/1.png, masks/alon"):
        pairs = folder_pairs(str(folder))
    assert pairs.unmatched == ("images/1.png", "masks/alone.png") and len(pairs) == 3


def test_no_pairs(folder):
    for file in (folder / "masks").iterdir():
        file.rename(file.with_stem(f"mask-{file.stem}"))
    with pytest.raises(ValueError, match=r"holds no pairs: no file in images has the name of one in masks .*0.png"):
        folder_pairs(str(folder))


def test_two_files_of_one_name(folder):
    Image.open(folder / "images" / "0.png").save(folder / "images" / "0.jpg")
    with pytest.raises(ValueError, match=r"images holds 0.jpg and 0.png: expected one file of each name"):
        folder_pairs(str(folder))


def test_no_folder(tmp_path):
    with pytest.raises(OSError, match=r"there is no folder or zip .*/nowhere/images"):
        folder_pairs(str(tmp_path / "nowhere"))


def test_a_mask_of_another_size(folder):
    masked(folder / "masks" / "1.png", np.zeros((36, 30), np.uint8))
    with pytest.raises(ValueError, match=r"the mask of 1.png has 30 x 36 px, its image 40 x 36"):
        folder_pairs(str(folder))


def test_more_classes_than_names(folder):
    with pytest.raises(
        ValueError, match=r"the mask of 0.png holds class 2, but there are 2, 0 to 1 \(255 is ignored\)"
    ):
        folder_pairs(str(folder), classes=("a", "b"))
    assert folder_pairs(str(folder), classes=("a", "b", "c", "d")).classes == ("a", "b", "c", "d")


def test_sixteen_bit_numbers_are_not_folded(folder):
    masked(folder / "masks" / "1.png", np.full((36, 40), 256, np.uint16))
    with pytest.raises(ValueError, match=r"the mask of 1.png holds class 256, but there are 3"):
        folder_pairs(str(folder), classes="abc")


def test_coloured_and_broken_masks(folder):
    masked(folder / "masks" / "1.png", np.zeros((36, 40, 3), np.uint8))
    with pytest.raises(ValueError, match=r"1.png: the mask is a picture of mode RGB; expected one class number"):
        folder_pairs(str(folder))
    (folder / "masks" / "1.png").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"1.png.*the mask cannot be read"):
        folder_pairs(str(folder), classes="abc")


def test_indices_of_a_palette_count(folder):
    mask = Image.fromarray(np.full((36, 40), 2, np.uint8))
    mask.putpalette([9, 8, 7, 1, 1, 1, 200, 100, 50])
    assert mask.mode == "P"
    mask.save(folder / "masks" / "1.png")
    assert (folder_pairs(str(folder))[1].mask == 2).all()


def test_the_images_alone(folder):
    pairs = folder_pairs(str(folder))
    images = JustImages(pairs)
    before = images.digest, pairs.digest
    masked(folder / "masks" / "0.png", (np.arange(1440).reshape(36, 40) % 3).astype(np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = folder_pairs(str(folder))
    assert JustImages(pairs).digest == before[0] and pairs.digest != before[1]
    assert images.labels == (0, 0, 0, 0) and images[0].size == (40, 36) and len(images) == 4
