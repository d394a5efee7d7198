"""What figures call the images that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def where(facts: Mapping[str, Any]) -> str:
    """Number and name of the images.

    >>> where({"images": 5000, "data": "/data/cifar10.zip/test"}), where({"images": 1, "data": "sample"})
    ('5000 images (cifar10.zip/test)', '1 image (sample)')
    """
    count = facts["images"]
    return f"{count} image{'s' * (count != 1)} ({short(facts['data'])})"


def short(data: str) -> str:
    """The last two parts of a path; of several, separated by a comma, each.

    >>> short("/data/cifar10.zip/test"), short("sample, /a/b/c")
    ('cifar10.zip/test', 'sample, b/c')
    """
    return ", ".join("/".join(PurePath(part).parts[-2:]) for part in data.split(", "))
