"""Image and mask pairs to train a dense probe on and to test it with, by name or from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data import train_and_test
from .datasets import named_pairs
from .folder import folder_pairs
from .masks import VOID, MaskedImages
from .shapes import shape_pairs

TESTS = {"pets": "pets-test", "voc": "voc-val", "shapes": "shapes-test"}


def masked_images(where: str, *, limit: int | None = None, classes: Sequence[str] | None = None) -> MaskedImages:
    """Pairs of image and mask.

    Args:
        where: a folder or zip with `images` and `masks`; or `pets`, `pets-test`, `voc`, `voc-val`, alone or with
            `:FOLDER`; or `shapes`, `shapes-test`, alone or with `:SIDE`.
        limit: number of pairs, evenly spaced; of shapes, how many to draw.
        classes: names of a folder's classes from 0 on; the others know theirs.
    Raises:
        OSError: there is no such folder, or a data set could not be fetched.
        ValueError: no pairs, or one that is wrong.
    """
    named = named_pairs(where, limit=limit) or shape_pairs(where, limit=limit)
    return named or folder_pairs(where, limit=limit, classes=classes)


def train_and_test_masks(where: str, test: str | None) -> tuple[str, str]:
    """Where the training and the test pairs of `--data` are.

    Raises:
        ValueError: no test pairs are named and none can be found.
    """
    name, colon, rest = where.partition(":")
    if name in TESTS:
        return where, test or f"{TESTS[name]}{colon}{rest}"
    return train_and_test(where, test)


def same_classes(train: MaskedImages, test: MaskedImages) -> None:
    """Nothing, where both have the same classes.

    Raises:
        ValueError: they have not.
    """
    if train.classes != test.classes:
        raise ValueError(
            f"{test.where} has the classes {', '.join(test.classes)}, {train.where} has {', '.join(train.classes)}: "
            "test with masks of the same classes"
        )


def class_names(path: Path) -> list[str]:
    """Names of classes, one on each line, from class 0 on.

    Raises:
        OSError: the file cannot be read.
        ValueError: fewer than two names, more than 255, or one twice.
    """
    names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not 2 <= len(names) <= VOID or len({*names}) < len(names):
        raise ValueError(
            f"--classes {path} holds {len(names)} names, {len({*names})} of them different; expected 2 to {VOID}, one "
            "on each line, from class 0 on"
        )
    return names
