"""Collections of images: order, subsets, classes, zips, and every broken file named."""

import sys
import types
import warnings
import zipfile

import pytest
from PIL import Image

from study.data import BrokenImages, open_images, subset
from study.photographs import PHOTOGRAPHS


def make(folder, *names):
    for shade, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (shade, shade, shade)).save(path)
    return folder


def zipped(folder, archive):
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.rglob("*.png"):
            file.write(path, path.relative_to(folder.parent))
    return archive


def shades(images):
    return [image.getpixel((0, 0))[0] for image in images]


def test_sample_is_all_there_and_needs_no_network(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the sample went to the network"))
    images = open_images("sample")
    assert images.names == tuple(sorted(PHOTOGRAPHS)) and len(images) >= 15
    assert not images.broken and images.labels is None
    assert all(min(image.size) >= 300 and image.mode == "RGB" for image in images)


def test_sample_without_its_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OSError, match="pip install scikit-image"):
        open_images("sample")


def test_folder_is_sorted_whatever_the_suffix(tmp_path):
    make(tmp_path, "b.png", "a.JPG", "c.webp", ".hidden.png")
    (tmp_path / "notes.txt").write_text("no image")
    images = open_images(tmp_path)
    assert images.names == ("a.JPG", "b.png", "c.webp") and images.labels is None and images.classes == ()
    assert images[1].size == (4, 4) and images[-1].mode == "RGB"


def test_class_folders(tmp_path):
    make(tmp_path, "dog/1.png", "cat/x/2.png", "cat/1.png")
    images = open_images(tmp_path)
    assert images.names == ("cat/1.png", "cat/x/2.png", "dog/1.png")
    assert images.labels == (0, 0, 1) and images.classes == ("cat", "dog")


def test_images_beside_class_folders_have_no_labels(tmp_path):
    assert open_images(make(tmp_path, "dog/1.png", "2.png")).labels is None


def test_splits_are_not_classes(tmp_path):
    make(tmp_path, "train/cat/1.png", "val/cat/1.png")
    with pytest.raises(ValueError, match=r"holds train, val, which are not classes: give .*/train or .*/val"):
        open_images(tmp_path)
    assert open_images(tmp_path / "val").classes == ("cat",)


def test_zip_equals_the_folder(tmp_path):
    folder = make(tmp_path / "set", "dog/1.png", "cat/2.png", "cat/1.png")
    archive = zipped(folder, tmp_path / "set.zip")
    inside, outside = open_images(f"{archive}/set"), open_images(folder)
    assert inside.names == outside.names and inside.labels == outside.labels and inside.digest == outside.digest
    assert shades(inside) == shades(outside) == [2, 1, 0]
    assert open_images(archive).classes == ("set",)


def test_no_zip(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ValueError, match=r"a\.zip is no readable zip .*cut off\?"):
        open_images(tmp_path / "a.zip")


def test_subsets_are_evenly_spaced_or_drawn(tmp_path):
    make(tmp_path, *(f"{index:02}.png" for index in range(10)))
    assert shades(open_images(tmp_path, limit=5)) == [0, 2, 4, 6, 8]
    assert shades(open_images(tmp_path, limit=3)) == [0, 3, 6]
    assert len(open_images(tmp_path, limit=99)) == 10
    drawn = [shades(open_images(tmp_path, limit=5, seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and drawn[0] == sorted(set(drawn[0]))
    assert subset(10_000, 250, None) == list(range(0, 10_000, 40))
    with pytest.raises(ValueError, match="limit=0; expected at least 1"):
        open_images(tmp_path, limit=0)


def test_broken_files_are_named_and_counted_and_the_rest_is_kept(tmp_path):
    make(tmp_path, *(f"{index}.png" for index in range(8)))
    (tmp_path / "1.png").write_bytes(b"")
    (tmp_path / "3.png").write_text("<html>")
    (tmp_path / "4.png").unlink()
    (tmp_path / "4.png").mkdir()  # a folder is no file, whatever its name
    with pytest.warns(BrokenImages, match=r"2 of 7 files .* left out: 1\.png: the file is empty; 3\.png: no picture"):
        images = open_images(tmp_path)
    assert [name for name, _ in images.broken] == ["1.png", "3.png"]
    assert images.names == ("0.png", "2.png", "5.png", "6.png", "7.png") and shades(images) == [0, 2, 5, 6, 7]


def test_labels_stay_with_their_images_when_others_are_broken(tmp_path):
    make(tmp_path, "a/1.png", "b/1.png", "c/1.png")
    (tmp_path / "a/1.png").write_bytes(b"")
    with pytest.warns(BrokenImages):
        images = open_images(tmp_path)
    assert images.labels == (1, 2) and images.classes == ("a", "b", "c")


def test_nothing_to_show(tmp_path):
    with pytest.raises(ValueError, match=rf"{tmp_path} holds no images; accepted are files ending in \.jpg, \.jpeg"):
        open_images(tmp_path)
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no readable image: 1 of 1 files .* 1\.png: the file is empty"):
        open_images(tmp_path)
    with pytest.raises(OSError, match=r"there is no folder or zip .*nowhere"):
        open_images(tmp_path / "nowhere")


def test_digest_depends_on_names_and_contents(tmp_path):
    first = open_images(make(tmp_path / "1", "a.png", "b.png")).digest
    assert first == open_images(make(tmp_path / "2", "a.png", "b.png")).digest
    assert first != open_images(make(tmp_path / "3", "a.png", "c.png")).digest
    assert first != open_images(make(tmp_path / "4", "b.png", "a.png")).digest


@pytest.mark.parametrize(
    "text",
    [
        "val_2.JPEG n01\nval_1.JPEG n02\nval_3.JPEG n01\n",
        "ImageId,PredictionString\nval_1,n02 1 2 3 4\nval_3,n01 5 6 7 8\nval_2,n01 1 1 1 1 n09 2 2 2 2\n",
        "n02\nn01\nn01\n",
    ],
    ids=["name class", "csv", "one a line"],
)
def test_flat_folder_with_a_file_of_labels(tmp_path, text):
    folder = make(tmp_path / "val", *(f"val_{index}.JPEG" for index in (1, 2, 3)))
    (tmp_path / "labels.txt").write_text(text)
    images = open_images(folder, labels=tmp_path / "labels.txt")
    assert images.labels == (1, 0, 0) and images.classes == ("n01", "n02")


def test_whole_numbers_sort_as_numbers(tmp_path):
    folder = make(tmp_path / "val", *(f"{index}.png" for index in range(3)))
    (tmp_path / "labels.txt").write_text("10\n9\n9\n")
    images = open_images(folder, labels=tmp_path / "labels.txt", limit=1)
    assert images.classes == ("9", "10") and images.labels == (1,)


def test_labels_that_do_not_fit(tmp_path):
    folder = make(tmp_path / "val", "1.png", "2.png")
    labels = tmp_path / "labels.txt"
    for text, complaint in {
        "": "is empty",
        "0\n": "has 1 lines for 2 images",
        "1.png 0\n7.png 0\n": r"has no class for 1 of 2 images, the first is 2\.png",
    }.items():
        labels.write_text(text)
        with pytest.raises(ValueError, match=complaint):
            open_images(folder, labels=labels)


def test_imagenette_is_fastais_and_says_what_to_do_without_a_network(tmp_path, monkeypatch):
    make(tmp_path, "val/n01/1.png", "train/n01/1.png")
    urls = types.SimpleNamespace(IMAGENETTE_160="https://example.org/imagenette2-160.tgz")
    external = types.SimpleNamespace(URLs=urls, untar_data=lambda url: tmp_path)
    monkeypatch.setitem(sys.modules, "fastai.data.external", external)
    assert open_images("imagenette").names == ("n01/1.png",)
    external.untar_data = lambda url: (_ for _ in ()).throw(RuntimeError("no route"))
    with pytest.raises(OSError, match=r"could not be fetched from https://example\.org/.*no route"):
        open_images("imagenette")


def test_reading_in_threads_leaves_the_warning_filters_alone(tmp_path):
    for index in range(40):
        Image.new("RGB", (64, 64), (index, 0, 0)).save(tmp_path / f"{index:02}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for _ in range(20):
        before = list(warnings.filters)
        with pytest.warns(BrokenImages, match="1 of 41 files"):
            open_images(tmp_path)
        assert warnings.filters == before
