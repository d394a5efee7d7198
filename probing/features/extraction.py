"""Images once through a frozen model, all that is asked for on disk; it goes on where it was stopped or killed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from models import image_transform, token_layout
from study.alone import alone_in
from study.batches import batches
from study.processes import Process, everybody_waits
from study.provenance import weights_hash

from ..data import LabelledImages
from ..presets import Norm
from .frozen import TOKENS, Cell, Frozen
from .store import DONE, Features, allocate, array_name, begin, complete, open_features, unfinished

FLUSH_EVERY = 5.0  # seconds between marks of what is surely written


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is asked of the model.

    Attributes:
        cells: layers with their poolings.
        token_layers: layers of which all tokens are kept.
        norm: none or final, see `Frozen`.
        oracle: another model, for the pooling of that name.
        quirks: of the released code.
    """

    cells: tuple[Cell, ...]
    token_layers: tuple[int, ...] = ()
    norm: Norm = "none"
    oracle: nn.Module | None = None
    quirks: frozenset[str] = frozenset()

    @property
    def all_cells(self) -> tuple[Cell, ...]:
        """Cells, and those of the tokens."""
        return self.cells + tuple(Cell(layer, TOKENS) for layer in self.token_layers)

    def only(self, cells: Sequence[Cell]) -> Wanted:
        """The same of these cells alone."""
        tokens = tuple(cell.layer for cell in cells if cell.pooling == TOKENS)
        return dataclasses.replace(
            self, cells=tuple(cell for cell in cells if cell.pooling != TOKENS), token_layers=tokens
        )

    def frozen(self, model: nn.Module) -> Frozen:
        """A model that gives this."""
        return Frozen(
            model,
            self.cells,
            token_layers=self.token_layers,
            norm=self.norm,
            oracle=self.oracle,
            quirks=self.quirks,
        )


def extracted(
    model: nn.Module,
    images: LabelledImages,
    folder: Path,
    wanted: Wanted,
    *,
    here: Process,
    batch_size: int = 64,
    workers: int = 0,
    dtype: str = "float32",
    progress: bool = True,
    tell: Callable[[str], None] = lambda text: None,
) -> Features:
    """Features of all images, from the folder as far as they are there, from the model where not.

    Args:
        model: a plain ViT of timm; on the CPU in float32 before and after.
        images: with labels.
        folder: of the cache, of this model on these images alone.
        wanted: layers, poolings, norm.
        here: this process; under torchrun each passes a part of the batches, and all write to the same folder, which
            several machines must share.
        batch_size: images that pass at once.
        workers: processes that read images.
        dtype: of weights and images; features are kept in float32.
        progress: show a bar.
        tell: is told how much will be written, before it is.
    Raises:
        OSError: the disk is full or the folder cannot be written to, or another run holds it.
        ValueError: the folder holds features of other weights, images or settings, or no such layer or pooling.
    """
    wanted.frozen(model)  # for its complaints, before anything is read or written
    identity = _identity(model, images, wanted, dtype)
    with alone_in(folder, here, "--cache"):
        features = _begun(model, images, folder, identity, here)
        while todo := _todo(features, wanted, batch_size):
            cells, size, begun = todo
            if here.first and not begun:
                bytes_needed = allocate(features, cells, _shapes(model, images, wanted.only(cells)), size)
                tell(f"{folder}: {bytes_needed / 1e6:.0f} MB for {len(cells)} arrays of {len(images)} images")
            everybody_waits()
            _fill(model, images, features, cells, wanted, here, size, workers, dtype, progress)
            everybody_waits()
            if here.first:
                complete(open_features(folder))
            everybody_waits()
            features = open_features(folder)
    return features


def _begun(model: nn.Module, images: LabelledImages, folder: Path, identity: dict[str, Any], here: Process) -> Features:
    if here.first:
        layout = token_layout(model)
        facts = {
            "where": images.where,
            "classes": list(images.classes),
            "layout": {field.name: getattr(layout, field.name) for field in dataclasses.fields(layout)},
        }
        begin(folder, identity, images.labels or (), facts)
    everybody_waits()
    return begin(folder, identity, (), {})


def _todo(features: Features, wanted: Wanted, batch_size: int) -> tuple[list[Cell], int, bool] | None:
    """(cells to write, batch size, whether an earlier run began with them); None when all are there."""
    begun = unfinished(features)
    if begun:
        return *begun, True
    missing = [cell for cell in wanted.all_cells if cell not in features.cells]
    return (missing, batch_size, False) if missing else None


def _fill(
    model: Any,
    images: LabelledImages,
    features: Features,
    cells: Sequence[Cell],
    wanted: Wanted,
    here: Process,
    batch_size: int,
    workers: int,
    dtype: str,
    progress: bool,
) -> None:
    """Write the rows of this process's batches that are not done yet."""
    arrays = {cell: np.load(features.folder / array_name(cell), mmap_mode="r+") for cell in cells}
    done = np.load(features.folder / DONE, mmap_mode="r+")
    todo = np.flatnonzero(np.asarray(done) == 0)
    mine = np.array_split(todo, here.world)[here.rank].tolist()  # neighbours, so that processes share few disk pages
    if not mine:
        return
    with running(model, wanted.oracle, here.device, dtype):
        frozen = wanted.only(cells).frozen(model)
        loader = batches(images, image_transform(model), batch_size=batch_size, workers=workers, only=mine)
        bar = tqdm(loader, desc="features", unit="batch", disable=not (progress and here.first))
        marks = _Marks(arrays, done)
        for number, found in zip(mine, frozen.over(pictures for pictures, _ in bar), strict=True):
            start = number * batch_size
            for cell, values in found.items():
                arrays[cell][start : start + len(values)] = values.cpu().numpy()
            marks.add(number)
        marks.write()


class _Marks:
    """Batches whose rows are written; they are marked as done only when the rows are surely on the disk."""

    def __init__(self, arrays: dict[Cell, Any], done: Any) -> None:
        self.arrays, self.done = arrays, done
        self.waiting: list[int] = []
        self.last = time.monotonic()

    def add(self, number: int) -> None:
        self.waiting.append(number)
        if time.monotonic() - self.last > FLUSH_EVERY:
            self.write()

    def write(self) -> None:
        for array in self.arrays.values():
            array.flush()
        self.done[self.waiting] = 1
        self.done.flush()
        self.waiting, self.last = [], time.monotonic()


def _identity(model: Any, images: LabelledImages, wanted: Wanted, dtype: str) -> dict[str, Any]:
    labels = np.asarray(images.labels, dtype=np.int64).tobytes() + "\n".join(images.classes).encode()
    return {
        "weights": weights_hash(model),
        "images": images.digest,
        "labels": hashlib.sha256(labels).hexdigest(),
        "transform": " ".join(str(image_transform(model)).split()),
        "heads": [block.attn.num_heads for block in model.blocks],
        "norm": wanted.norm,
        "dtype": dtype,
        "oracle": None if wanted.oracle is None else weights_hash(wanted.oracle),
        "quirks": sorted(wanted.quirks),
    }


def _shapes(model: nn.Module, images: LabelledImages, wanted: Wanted) -> dict[Cell, tuple[int, ...]]:
    """Shape of one image's row in each array, as the first image shows it."""
    first = image_transform(model)(images[0]).unsqueeze(0)
    return {cell: tuple(values.shape[1:]) for cell, values in wanted.frozen(model)(first).items()}


@contextlib.contextmanager
def running(model: nn.Module, oracle: nn.Module | None, device: torch.device, dtype: str) -> Iterator[None]:
    """The models on their device in that precision; on the CPU in float32 again afterwards."""
    nets = [net for net in (model, oracle) if net is not None]
    kept = [{name: value.clone() for name, value in net.state_dict().items()} for net in nets if dtype != "float32"]
    for net in nets:
        net.to(device, getattr(torch, dtype))
    try:
        yield
    finally:
        for net in nets:
            net.to("cpu", torch.float32)
        for net, state in zip(nets, kept):
            net.load_state_dict(state)
