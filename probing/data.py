"""Labelled images to train a probe on and to test it with."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PIL import Image

from pretraining.data.collections import open_collection
from pretraining.data.datasets import IMAGENET_SPLITS
from study.archive import split_zip_path, zip_members
from study.data import open_images

TESTS = ("test", "val", "validation", "valid")
"""Names of a folder of test images beside the folder `train`."""

PAIRS = {"cifar10": "cifar10-test", "cifar100": "cifar100-test", "stl10": "stl10-test"}

NAMED = (*PAIRS, "imagenet", "imagenette", "sample")
"""What collections of images are called that are no paths, up to the first hyphen."""


class LabelledImages(Protocol):
    """Images by number with their classes, as `study.open_images` and `pretraining.data.open_collection` give them."""

    @property
    def where(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> tuple[int, ...] | None: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def digest(self) -> str: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Image.Image: ...


def labelled_images(where: str, *, limit: int | None = None, labels: str | None = None) -> LabelledImages:
    """Images with their classes.

    Args:
        where: a folder or zip with one folder for each class, or a data set's name, as `open_collection` takes it.
        limit: number of images, evenly spaced over the sorted list.
        labels: file with the class of each image, for folders that do not tell, such as ImageNet's flat `val`.
    Raises:
        OSError: there are no such images.
        ValueError: they have no labels, or are all of one class.
    """
    images = open_collection(where, limit=limit) if labels is None else open_images(where, limit=limit, labels=labels)
    if images.labels is None:
        raise ValueError(
            f"{where} has no labels: expected one folder for each class and no image outside them, or a file that says "
            "the class of each image (--labels, --test-labels)"
        )
    seen = {images.classes[label] for label in images.labels}
    if len(seen) < 2:
        raise ValueError(
            f"{where} holds images of one class only, {', '.join(seen)}: there is nothing to tell apart; give the "
            "folder above it, or take off --limit"
        )
    return images


def train_and_test(where: str, test: str | None) -> tuple[str, str]:
    """Where the training and the test images of `--data` are.

    Args:
        where: a folder or zip that holds `train` and `test` (or val), a data set's name, or the training images.
        test: the test images, where the user names them.
    Raises:
        OSError: there is no such folder or zip.
        ValueError: no test images are named and none can be found.
    """
    name, colon, folder = where.partition(":")
    if name in PAIRS:
        train = f"stl10-train{colon}{folder}" if name == "stl10" else where
        return train, test or f"{PAIRS[name]}{colon}{folder}"
    if name == "imagenet":
        return where, test or f"imagenet-val:{folder}"
    train = str(Path(where) / "train") if name not in IMAGENET_SPLITS and _holds(where, "train") else where
    if test is not None:
        return train, test
    found = [split for split in TESTS if _holds(where, split)]
    if train == where or not found:
        _require_there(where)
        raise ValueError(
            f"no test images: {where} does not hold both train and one of {', '.join(TESTS)}; name them with --test"
        )
    return train, str(Path(where) / found[0])


def require_others(train: LabelledImages, test: LabelledImages) -> None:
    """Raise ValueError where the test images are the training images."""
    if train.digest == test.digest:
        raise ValueError(
            f"{test.where} holds the very images of {train.where}: a test on what was learned by heart says nothing; "
            "name others with --test"
        )


def matched_labels(train: LabelledImages, test: LabelledImages) -> list[int]:
    """Labels of the test images in the numbers of the training classes, which are matched by name.

    Raises:
        ValueError: a test image is of a class that the training images do not have.
    """
    number = {name: index for index, name in enumerate(train.classes)}
    trained = {train.classes[label] for label in train.labels or ()}
    unknown = sorted({test.classes[label] for label in test.labels or ()} - trained)
    if unknown:
        shown = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise ValueError(
            f"{test.where} has images of {shown}, of which {train.where} has none among {len(trained)} classes: a "
            "probe knows only what it was trained on. Leave these out, or train with them (a small --limit may drop "
            "classes)"
        )
    return [number[test.classes[label]] for label in test.labels or ()]


def _require_there(where: str) -> None:
    """Raise OSError for a path that does not exist."""
    path, name = Path(where).expanduser(), where.partition(":")[0].split("-")[0]
    if split_zip_path(path) is None and not path.exists() and name not in NAMED:
        raise FileNotFoundError(
            f"there is no folder or zip {path}; expected one that holds train and test, or one of {', '.join(PAIRS)}, "
            "imagenet:FOLDER"
        )


def _holds(where: str, split: str) -> bool:
    inside = split_zip_path(Path(where).expanduser())
    if inside is None:
        return (Path(where).expanduser() / split).is_dir()
    archive, folder = inside
    return bool(zip_members(archive, f"{folder}/{split}" if folder else split))
