"""torchvision's data sets by name: CIFAR and STL-10 as arrays, ImageNet as its folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

Found = TypeVar("Found")
IMAGENET_SPLITS = {"imagenet": "train", "imagenet-val": "val"}


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Decoded pictures with their classes.

    Attributes:
        pixels: in 8 bit.
        labels: number of the class of each, or None.
        classes: names of the classes; empty without labels.
    """

    pixels: UInt8[Tensor, "image row column 3"]
    labels: tuple[int, ...] | None
    classes: tuple[str, ...]


def dataset(where: str) -> Dataset | None:
    """The data set that a name such as `cifar10` or `cifar10:FOLDER` stands for; None for anything else.

    Raises:
        OSError: it is not in the folder and could not be fetched; the text says what to put where.
    """
    return named(where, _READERS, _ARCHIVES)


def named(where: str, readers: Mapping[str, Callable[[Path], Found]], archives: Mapping[str, str]) -> Found | None:
    """What one of the readers finds for NAME or NAME:FOLDER, without a folder in `default_root`; None for other names.

    Args:
        where: as the user gave it.
        readers: by name; each is given the folder and may fetch what is missing there.
        archives: what to unpack by hand, by the part of the name before a hyphen.
    Raises:
        OSError: it is not in the folder and could not be fetched; the text says what to put where.
    """
    name, _, folder = where.partition(":")
    if name not in readers:
        return None
    root = Path(folder).expanduser() if folder else default_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        return readers[name](root)
    except Exception as error:  # torchvision's downloads raise URLError, RuntimeError, and whatever unpacking does
        raise OSError(
            f"{name} is not whole in {root} and could not be fetched ({error}); unpack {archives[name.split('-')[0]]} "
            f"there, or give its folder as `{name}:FOLDER`"
        ) from error


def folder_of(where: str) -> str:
    """The folder that `imagenet:ROOT` stands for; any other path as it is.

    Raises:
        ValueError: `imagenet` without its root.
        OSError: there is no such folder in the root.
    """
    name, _, root = where.partition(":")
    if name not in IMAGENET_SPLITS:
        return where
    if not root:
        raise ValueError(f"{name} cannot be downloaded; expected `{name}:ROOT`, the folder with train and val in it")
    folder = Path(root).expanduser() / IMAGENET_SPLITS[name]
    if not folder.is_dir():
        raise OSError(
            f"there is no folder {folder}; expected ImageNet's images there, one folder for each class "
            "(image-net.org, ILSVRC2012, unpacked)"
        )
    return str(folder)


def default_root() -> Path:
    """Where data sets are kept when no folder is given: `datasets` in torch's hub folder (`TORCH_HOME` moves it)."""
    return Path(torch.hub.get_dir()).parent / "datasets"


def _cifar(name: str, train: bool, root: Path) -> Dataset:
    from torchvision import datasets

    found = getattr(datasets, name)(root, train=train, download=True)
    return Dataset(torch.from_numpy(np.ascontiguousarray(found.data)), tuple(found.targets), tuple(found.classes))


def _stl10(split: str, root: Path) -> Dataset:
    from torchvision.datasets import STL10

    found = STL10(root, split=split, download=True)
    pixels = torch.from_numpy(found.data).permute(0, 2, 3, 1).contiguous()
    if split == "unlabeled":
        return Dataset(pixels, None, ())
    return Dataset(pixels, tuple(found.labels.tolist()), tuple(found.classes))


_READERS: dict[str, Callable[[Path], Dataset]] = {
    "cifar10": lambda root: _cifar("CIFAR10", True, root),
    "cifar10-test": lambda root: _cifar("CIFAR10", False, root),
    "cifar100": lambda root: _cifar("CIFAR100", True, root),
    "cifar100-test": lambda root: _cifar("CIFAR100", False, root),
    "stl10": lambda root: _stl10("unlabeled", root),
    "stl10-train": lambda root: _stl10("train", root),
    "stl10-test": lambda root: _stl10("test", root),
}
_ARCHIVES = {
    "cifar10": "cifar-10-python.tar.gz (cs.toronto.edu/~kriz/cifar.html, folder cifar-10-batches-py)",
    "cifar100": "cifar-100-python.tar.gz (cs.toronto.edu/~kriz/cifar.html, folder cifar-100-python)",
    "stl10": "stl10_binary.tar.gz (cs.stanford.edu/~acoates/stl10, folder stl10_binary)",
}
