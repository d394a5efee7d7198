"""The class of each image: from its folder, or from a file of labels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

SPLITS = {"train", "training", "val", "valid", "validation", "test"}


def folder_classes(names: Sequence[str], where: str) -> list[str] | None:
    """The topmost folder of each image; None where an image lies outside any folder.

    Raises:
        ValueError: the folders are not classes but train, val, test.
    """
    tops = [PurePosixPath(name).parts[0] for name in names if "/" in name]
    splits = sorted({top for top in tops if top.lower() in SPLITS})
    if splits:
        choices = " or ".join(f"{where}/{split}" for split in splits)
        raise ValueError(f"{where} holds {', '.join(splits)}, which are not classes: give {choices}")
    return tops if len(tops) == len(names) else None


def file_classes(names: Sequence[str], labels: Path) -> list[str]:
    """The class of each image as a file of labels says.

    Args:
        names: of all images, sorted.
        labels: text or CSV. Either `name class ...` on each line (the name with or without folder and suffix, a
            header is allowed), or one class on each line, in the order of the sorted names.
    Raises:
        OSError: the file cannot be read as text.
        ValueError: an image has no class, or the number of lines differs from that of the images.
    """
    rows = [row for row in _rows(labels) if row]
    if not rows:
        raise ValueError(f"{labels} is empty; expected a class for each of {len(names)} images")
    if all(len(row) == 1 for row in rows):
        if len(rows) != len(names):
            raise ValueError(
                f"{labels} has {len(rows)} lines for {len(names)} images; expected one class for each image in the "
                "order of the sorted names, or lines `name class`"
            )
        return [row[0] for row in rows]
    known = {_stem(row[0]): row[1] for row in rows if len(row) > 1}
    missing = [name for name in names if _stem(name) not in known]
    if missing:
        raise ValueError(
            f"{labels} has no class for {len(missing)} of {len(names)} images, the first is {missing[0]}; expected "
            "lines `name class`"
        )
    return [known[_stem(name)] for name in names]


def numbered(classes: Sequence[str]) -> tuple[list[int], list[str]]:
    """(number of each image's class, names of the classes); names that are all whole numbers sort as such.

    >>> numbered(["cat", "dog", "cat"])
    ([0, 1, 0], ['cat', 'dog'])
    """
    distinct = set(classes)
    whole = all(name.isdecimal() for name in distinct)
    ordered = sorted(distinct, key=lambda name: (int(name), name)) if whole else sorted(distinct)
    number = {name: index for index, name in enumerate(ordered)}
    return [number[name] for name in classes], ordered


def _rows(labels: Path) -> list[list[str]]:
    try:
        text = labels.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"cannot read the labels {labels} ({reason}): expected a text file of classes") from error
    if "," not in text:
        return [line.split() for line in text.splitlines()]
    return [[*cells[:1], *" ".join(cells[1:]).split()] for cells in csv.reader(text.splitlines())]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem
