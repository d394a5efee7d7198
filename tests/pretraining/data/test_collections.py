"""Collections of files: in memory or listed, with classes, limits, and every broken file named."""

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from pretraining.data import Samples, batches_from, collections, open_collection, reading
from study.data import BrokenImages, open_images


def written(folder, name, size=(6, 4), shade=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 2 * shade, 3 * shade)).save(path)


def pixels(images):
    return [np.asarray(image).tolist() for image in images]


def test_in_memory_equals_listed_equals_studys(folder):
    cached, listed, study = open_collection(folder), open_collection(folder, cache=False), open_images(folder)
    assert cached.pixels.shape == (21, 8, 12, 3) and cached.pixels.dtype == torch.uint8 and listed.pixels is None
    assert pixels(cached) == pixels(listed) == pixels(study)
    assert cached.names == listed.names == study.names
    assert cached.labels == listed.labels == study.labels and cached.classes == study.classes == ("a", "b")
    assert cached.digest == listed.digest and cached[0].mode == "RGB"


def test_zip_equals_the_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, f"train/{path.relative_to(folder)}")
    inside, outside = open_collection(tmp_path / "set.zip" / "train"), open_collection(folder)
    assert pixels(inside) == pixels(outside) and inside.labels == outside.labels and inside.digest == outside.digest


def test_limit_is_spaced_evenly(folder):
    some = open_collection(folder, limit=7)
    assert len(some) == 7 and some.names == open_collection(folder).names[::3] and set(some.labels) == {0, 1}
    assert some.digest != open_collection(folder).digest
    assert len(open_collection(folder, limit=0)) == len(open_collection(folder, limit=99)) == 21


def test_pictures_of_several_sizes_are_listed(tmp_path):
    written(tmp_path, "1.png")
    written(tmp_path, "2.png", size=(7, 4))
    found = open_collection(tmp_path)
    assert found.pixels is None and [image.size for image in found] == [(6, 4), (7, 4)] and found.labels is None


def test_too_many_pixels_are_listed(folder, monkeypatch):
    monkeypatch.setattr(reading, "CACHED_BYTES", 21 * 8 * 12 * 3 - 1)
    assert open_collection(folder).pixels is None


def test_broken_ones_are_named_and_left_out(tmp_path):
    for number in range(9):
        written(tmp_path, f"{'ab'[number % 2]}/{number}.png", shade=number)
    (tmp_path / "a" / "2.png").write_bytes(b"no picture")
    (tmp_path / "b" / "3.png").write_bytes(b"")
    with pytest.warns(BrokenImages, match=r"2 of 9 files in .* left out: a/2.png: no picture.*; b/3.png: the file is"):
        found = open_collection(tmp_path)
    assert len(found) == 7 == len(found.pixels) and "a/2.png" not in found.names
    assert [image.getpixel((0, 0))[0] for image in found] == [0, 4, 6, 8, 1, 5, 7]
    assert found.labels == (0, 0, 0, 0, 1, 1, 1)


def test_more_broken_ones_are_counted(tmp_path):
    written(tmp_path, "good.png")
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    with pytest.warns(BrokenImages, match=r"8 of 9 .* 4.png: .*; and 3 more$"):
        open_collection(tmp_path)


def test_none_readable(tmp_path):
    (tmp_path / "1.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"no readable image: 1 of 1 files in .* 1.png"):
        open_collection(tmp_path)


@pytest.fixture
def several_sizes(tmp_path):
    for number in range(8):
        written(tmp_path, f"{number}.png", size=(6 + number, 8))
    (tmp_path / "5.png").write_bytes(b"no picture")
    return tmp_path


def test_broken_ones_among_large_pictures(several_sizes):
    with pytest.warns(BrokenImages, match=r"1 of 8 files in .* 5.png: no picture"):
        found = open_collection(several_sizes)
    assert [image.width for image in found] == [6, 7, 8, 9, 10, 12, 13] and found.pixels is None


@pytest.fixture
def listed(several_sizes, monkeypatch):
    """A collection that is too large to be read at the start; 5.png in it is broken."""
    monkeypatch.setattr(collections, "CHECKED", 7)
    return open_collection(several_sizes)


def test_in_place_of_a_broken_one_stands_the_next(listed, recipe):
    with pytest.warns(BrokenImages, match=r"5\.png is no readable image \(no picture.*the next readable") as said:
        batches = list(batches_from(listed, recipe("simmim")))
    assert len(said) == 1  # for three epochs
    assert [sorted(batch["index"].tolist()) for batch in batches] == [[0, 1, 2, 3, 4, 6, 6, 7]] * 3
    with pytest.warns(BrokenImages):
        again = list(batches_from(listed, recipe("simmim"), position=8))
    torch.testing.assert_close(again, batches[1:], rtol=0, atol=0)


def test_after_the_last_comes_the_first(listed, several_sizes, recipe):
    (several_sizes / "7.png").write_bytes(b"x")
    samples = Samples(listed, recipe("simmim"))
    with pytest.warns(BrokenImages):
        found = [int(samples[0, index]["index"]) for index in (4, 5, 6, 7)]
    assert found == [4, 6, 6, 0]


def test_nothing_readable_is_an_error(listed, several_sizes, recipe):
    for path in several_sizes.iterdir():
        path.write_bytes(b"x")
    with (
        pytest.warns(BrokenImages),
        pytest.raises(
            ValueError, match=r"8 images in a row could not be read, the first: .*3\.png is no readable image"
        ),
    ):
        Samples(listed, recipe("simmim"))[0, 3]


def test_a_missing_file_is_no_broken_one(listed, several_sizes, recipe):
    (several_sizes / "3.png").unlink()
    with pytest.raises(OSError, match=r"3\.png could not be read \(.*No such file.*put it back"):
        Samples(listed, recipe("simmim"))[0, 3]


def test_grey_palette_and_cmyk(tmp_path):
    for mode, name in [("L", "1.png"), ("P", "2.png"), ("CMYK", "3.jpg"), ("RGBA", "4.png")]:
        Image.new(mode, (6, 4)).save(tmp_path / name)
    assert open_collection(tmp_path).pixels.shape == (4, 4, 6, 3)


def test_what_is_not_there(tmp_path):
    with pytest.raises(OSError, match="there is no folder or zip"):
        open_collection(tmp_path / "missing")
    with pytest.raises(ValueError, match="holds no images; accepted are"):
        open_collection(tmp_path)
    with pytest.raises(ValueError, match="no images named; expected a folder or zip"):
        open_collection("")
    written(tmp_path, "train/cat/1.png")
    with pytest.raises(ValueError, match=r"holds train, which are not classes: give .*/train"):
        open_collection(tmp_path)
