"""What classifiers answer to images: every cell of a frozen model's probes from one pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm.auto import tqdm

from study.processes import Process, mean_over_processes

from ..features.frozen import Cell, Frozen
from ..linear.probes import Probes

NO_POOLING = "-"


class Classifier(Protocol):
    """Gives every image one class number for each cell."""

    @property
    def cells(self) -> tuple[Cell, ...]: ...

    def over(self, batches: Iterable[Tensor]) -> Iterator[Int[Tensor, "batch cell"]]: ...


@dataclasses.dataclass(frozen=True)
class ProbeClassifier:
    """A frozen model with probes on its cells.

    Attributes:
        frozen: the model, of the cells of the probes.
        probes: linear classifiers.
        scores: from logits over the probes' classes to scores, of which the largest decides.
    """

    frozen: Frozen
    probes: Probes
    scores: Callable[[Tensor], Tensor]

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.frozen.cells

    def over(self, batches: Iterable[Tensor]) -> Iterator[Int[Tensor, "batch cell"]]:
        for features in self.frozen.over(batches):
            logits = self.probes.logits(features)
            yield torch.stack([decided(self.scores(logits[cell]), str(cell)) for cell in self.cells], dim=1)


@dataclasses.dataclass(frozen=True)
class OwnClassifier:
    """A model with the classifier of its weights, as one cell behind its last block.

    Attributes:
        model: gives logits, on the device it is to run on.
        scores: from its logits to scores, of which the largest decides.
    """

    model: Any
    scores: Callable[[Tensor], Tensor]

    @property
    def cells(self) -> tuple[Cell, ...]:
        return (Cell(len(self.model.blocks), NO_POOLING),)

    @torch.no_grad()
    def over(self, batches: Iterable[Tensor]) -> Iterator[Int[Tensor, "batch 1"]]:
        first = next(self.model.parameters())
        for images in batches:
            yield decided(self.scores(self.model(images.to(first.device, first.dtype))), "classifier")[:, None]


def decided(scores: Tensor, where: str) -> Int[Tensor, " batch"]:
    """Number of the largest score of each image, the first among equals.

    Raises:
        ValueError: a score is NaN or infinite: the largest would be meaningless.
    """
    bad = int((~scores.isfinite()).any(dim=-1).sum())
    if bad:
        raise ValueError(
            f"{where}: {bad} of {len(scores)} images of a batch have scores that are NaN or infinite; try "
            "--dtype float32, and look at the images"
        )
    return scores.argmax(dim=-1)


def answers(
    classifier: Classifier,
    pictures: Dataset[Tensor],
    *,
    here: Process,
    batch_size: int,
    workers: int = 0,
    chosen: Sequence[int] | None = None,
    title: str = "",
    progress: bool = False,
) -> Int[Tensor, "image cell"]:
    """Class numbers of all images, in their order, from one pass; on the CPU, the same in every process.

    Args:
        classifier: its cells are the columns.
        pictures: prepared images by number.
        here: each process passes every n-th image.
        batch_size: images that pass at once; changes no answer but by rounding.
        workers: processes that read and prepare images.
        chosen: numbers of the images to pass; all by default.
        title: of the progress bar.
        progress: whether to show it.
    """
    numbers = range(len(pictures)) if chosen is None else chosen  # pyright: ignore[reportArgumentType]
    mine = Subset(pictures, list(numbers)[here.rank :: here.world])
    loader = DataLoader(mine, batch_size=batch_size, num_workers=workers)
    bar = tqdm(loader, desc=title, unit="batch", disable=not (progress and here.first))
    found = torch.zeros(len(numbers), len(classifier.cells), dtype=torch.float64, device=here.device)
    if len(mine):
        found[here.rank :: here.world] = torch.cat(list(classifier.over(bar))).to(found)
    return (mean_over_processes(found) * here.world).round().long().cpu()
