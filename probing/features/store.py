"""Features on disk: one memory-mapped array for each layer and pooling, and a manifest of where they come from."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import TokenLayout
from study.record import read_manifest, write_manifest

from .frozen import TOKENS, Cell

MANIFEST = "features.json"
LABELS = "labels.npy"
DONE = "done.npy"
"""One byte for each batch of the arrays that are not complete yet: 1 when its rows are written."""

CAUSES = {
    "weights": "the model has other weights",
    "images": "the images are others",
    "labels": "the images have other classes",
    "transform": "the images are prepared in another way",
    "heads": "the model has other numbers of heads (--num-heads)",
    "norm": "the last norm was chosen otherwise",
    "dtype": "the model ran in another precision",
    "oracle": "the oracle is another model",
    "quirks": "other quirks of the release were chosen",
}
"""What makes features others, by field of a cache's identity."""


@dataclasses.dataclass(frozen=True)
class Features:
    """What one frozen model made of one set of images.

    Attributes:
        folder: of the arrays.
        labels: (image), number of the class of each.
        classes: their names.
        layout: of the tokens.
        manifest: where the features come from, which arrays are complete.
    """

    folder: Path
    labels: np.ndarray = dataclasses.field(repr=False)
    classes: tuple[str, ...]
    layout: TokenLayout
    manifest: Mapping[str, Any] = dataclasses.field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Layers and poolings that are there, tokens among them."""
        return tuple(_cell(name) for name in self.manifest["complete"])

    def pooled(self, layer: int, pooling: str) -> np.ndarray:
        """Vectors of all images, (image channel), memory-mapped and read-only.

        Raises:
            ValueError: they were not asked for when the model was run.
        """
        cell = Cell(layer, pooling)
        if cell not in self.cells:
            there = ", ".join(f"{known.pooling} at {known.layer}" for known in self.cells)
            raise ValueError(f"{self.folder} has no {pooling} at layer {layer}; it has {there}")
        return np.load(self.folder / array_name(cell), mmap_mode="r")

    def tokens(self, layer: int) -> np.ndarray:
        """All tokens of all images, (image token channel), those in front of the patches first."""
        return self.pooled(layer, TOKENS)


def array_name(cell: Cell) -> str:
    """File of a cell's vectors."""
    return f"{cell.layer:02d}-{cell.pooling}.npy"


def open_features(folder: Path) -> Features:
    """The features in a folder, as far as they are complete.

    Raises:
        OSError: there are none.
        ValueError: their manifest is damaged or of another version.
    """
    manifest = read_manifest(folder / MANIFEST)
    layout = TokenLayout(**{**manifest["layout"], "grid": tuple(manifest["layout"]["grid"])})
    return Features(folder, np.load(folder / LABELS), tuple(manifest["classes"]), layout, manifest)


def begin(folder: Path, identity: Mapping[str, Any], labels: Sequence[int], facts: Mapping[str, Any]) -> Features:
    """The features in a folder, whose first files are written where there are none.

    Args:
        folder: made where it is not there.
        identity: what features depend on, by the names in `CAUSES`.
        labels: number of the class of each image.
        facts: classes, layout, and whatever else the manifest says.
    Raises:
        ValueError: the folder holds features of other weights, images or settings; the text names what differs.
    """
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / LABELS, np.asarray(labels, dtype=np.int64))
        write_manifest({"identity": identity, **facts, "complete": [], "begun": []}, folder / MANIFEST)
    found = open_features(folder)
    before = found.manifest["identity"]
    different = [
        f"{CAUSES.get(name, name)} ({before.get(name)}; now {value})"
        for name, value in identity.items()
        if before.get(name) != value
    ]
    if different:
        raise ValueError(
            f"{folder} holds features of something else: {'; '.join(different)}. Remove that folder, or choose another "
            "with --cache"
        )
    return found


def allocate(features: Features, cells: Sequence[Cell], shapes: Mapping[Cell, tuple[int, ...]], batch_size: int) -> int:
    """Reserve the disk space of arrays that are to be written; bytes of them all.

    Args:
        features: that they belong to.
        cells: which arrays.
        shapes: of one image's row in each, without the image.
        batch_size: images whose rows are written at once, the unit in which the work goes on later.
    Raises:
        OSError: there is not that much space; nothing stays behind.
    """
    count = len(features)
    needed = sum(count * int(np.prod(shapes[cell])) * np.dtype(np.float32).itemsize for cell in cells)
    free = shutil.disk_usage(features.folder).free
    try:
        if needed > free:
            raise OSError(f"{free / 1e9:.2f} GB are free")
        for cell in cells:
            _reserved(features.folder / array_name(cell), (count, *shapes[cell]), np.float32)
        _reserved(features.folder / DONE, (-(-count // batch_size),), np.uint8)
    except OSError as error:
        for cell in cells:
            (features.folder / array_name(cell)).unlink(missing_ok=True)
        raise OSError(
            f"{features.folder} needs {needed / 1e9:.2f} GB for the features of {count} images ({error}): make room, "
            "choose another folder with --cache, or fewer layers or images"
        ) from error
    begun = [array_name(cell) for cell in cells]
    _rewrite(features, begun=begun, batch_size=batch_size)
    return needed


def unfinished(features: Features) -> tuple[list[Cell], int] | None:
    """Cells whose arrays an earlier run began and did not end, with its batch size."""
    manifest = features.manifest
    return ([_cell(name) for name in manifest["begun"]], manifest["batch_size"]) if manifest["begun"] else None


def complete(features: Features) -> None:
    """Say in the manifest that all that was begun is there."""
    manifest = features.manifest
    _rewrite(features, complete=[*manifest["complete"], *manifest["begun"]], begun=[])
    (features.folder / DONE).unlink(missing_ok=True)


def _rewrite(features: Features, **changed: Any) -> None:
    manifest = {key: value for key, value in features.manifest.items() if key != "schema"}
    write_manifest({**manifest, **changed}, features.folder / MANIFEST)


def _cell(name: str) -> Cell:
    layer, _, pooling = name.removesuffix(".npy").partition("-")
    return Cell(int(layer), pooling)


def _reserved(path: Path, shape: tuple[int, ...], dtype: Any) -> None:
    """An array of zeros whose bytes are really on the disk: a full one is told now and not in the middle."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    array.flush()
    del array
    if hasattr(os, "posix_fallocate"):  # not on every system
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
