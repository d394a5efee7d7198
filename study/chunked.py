"""The same metrics as `study.comparison`, a chunk of images at a time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from models import image_transform, measure

from .batches import batches
from .chunks import Plan
from .data import Images
from .pace import Clock


def measured_chunks(
    model: Any,
    images: Images,
    metrics: Mapping[str, Callable[..., Any]],
    plan: Plan,
    chunks: Sequence[int],
    *,
    clock: Clock,
    workers: int = 0,
    bar: str = "",
) -> Iterator[tuple[int, pd.DataFrame]]:
    """(chunk, per-image values as `models.measure` gives them), one chunk after another, from one loader.

    Args:
        model: on its device.
        images: of `open_images`.
        metrics: as for `models.measure`.
        plan: how the images are cut.
        chunks: those to measure, in this order.
        clock: takes the times.
        workers: processes that read images, also the next chunk's while one is measured.
        bar: text of a progress bar; none for "".
    Raises:
        ValueError: a metric compares the images of a batch and there is more than one, or what `measure` refuses.
    """
    check_batches(metrics, plan)
    numbers = [number for chunk in chunks for number in plan.batches(chunk)]
    pictures = _Timed(images, image_transform(model), plan.order, clock)
    loader = batches(pictures, _as_it_is, batch_size=plan.batch_size, workers=workers, only=numbers)
    stream = clock.batches(tqdm(loader, desc=bar, unit="batch", disable=not bar))
    for chunk in chunks:
        part = itertools.islice(stream, len(plan.batches(chunk)))
        table = _measured(model, part, metrics, plan, chunk, clock)
        if chunk == chunks[-1]:
            next(stream, None)  # ends the bar
        yield chunk, table


def check_batches(metrics: Mapping[str, Callable[..., Any]], plan: Plan) -> None:
    """Whether the metrics may be measured in several batches.

    Raises:
        ValueError: one compares the images of a batch.
    """
    across = [name for name, function in metrics.items() if getattr(function, "across_images", False)]
    if across and plan.images > plan.batch_size:
        raise ValueError(
            f"metrics {across} compare the images of a batch with each other, so their values would depend on how the "
            f"images are split: with --batch-size {plan.images} all of them are one batch"
        )


def _measured(
    model: Any, part: Iterator[Any], metrics: Mapping[str, Callable[..., Any]], plan: Plan, chunk: int, clock: Clock
) -> pd.DataFrame:
    """The table of one chunk, its images numbered as in the whole."""
    numbers = plan.numbers(chunk)
    device = next(model.parameters()).device
    table = clock.of_model(
        lambda: measure(model, part, metrics, progress=False),
        len(numbers),
        lambda: torch.cuda.synchronize(device) if device.type == "cuda" else None,
    )
    return table.assign(image=numbers[table["image"].to_numpy()].astype(np.int32))


@dataclasses.dataclass(frozen=True)
class _Timed:
    """Images in the order of a plan, transformed, with the time that this takes."""

    images: Images
    transform: Callable[[Any], Any]
    order: np.ndarray
    clock: Clock

    @property
    def labels(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.clock.transform(self.images.__getitem__, self.transform, int(self.order[index]))


def _as_it_is(image: Any) -> Any:
    return image
