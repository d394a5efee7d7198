"""A model on images, a chunk of them at a time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from models import image_transform

from .batches import batches
from .chunks import Plan
from .data import Images
from .measurement import Measurement
from .pace import Clock
from .packed import Arrays


def measured_chunks(
    network: Any,
    images: Images,
    measurement: Measurement,
    plan: Plan,
    chunks: Sequence[int],
    *,
    clock: Clock,
    workers: int = 0,
    bar: str = "",
) -> Iterator[tuple[int, Arrays]]:
    """(chunk, what is measured of its images), one chunk after another, from one loader.

    Args:
        network: what the measurement made of a model, on its device.
        images: of `open_images`.
        measurement: what is measured.
        plan: how the images are cut.
        chunks: those to measure, in this order.
        clock: takes the times.
        workers: processes that read images, also the next chunk's while one is measured.
        bar: text of a progress bar; none for "".
    """
    numbers = [number for chunk in chunks for number in plan.batches(chunk)]
    pictures = _Timed(images, image_transform(measurement.encoder(network)), plan.order, clock)
    loader = batches(pictures, _as_it_is, batch_size=plan.batch_size, workers=workers, only=numbers)
    stream = clock.batches(tqdm(loader, desc=bar, unit="batch", disable=not bar))
    for chunk in chunks:
        part = itertools.islice(stream, len(plan.batches(chunk)))
        arrays = _measured(network, part, measurement, plan.numbers(chunk), clock)
        if chunk == chunks[-1]:
            next(stream, None)  # ends the bar
        yield chunk, arrays


def _measured(network: Any, part: Iterator[Any], measurement: Measurement, numbers: np.ndarray, clock: Clock) -> Arrays:
    device = next(network.parameters()).device
    return clock.of_model(
        lambda: measurement.part(network, part, numbers),
        len(numbers),
        lambda: torch.cuda.synchronize(device) if device.type == "cuda" else None,
    )


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
        return len(self.order)

    def __getitem__(self, index: int) -> Any:
        return self.clock.transform(self.images.__getitem__, self.transform, int(self.order[index]))


def _as_it_is(image: Any) -> Any:
    return image
