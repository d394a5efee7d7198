"""What all processes do together: measure the chunks of a task, exchange them, and know of each other's failures.

A chunk is measured by one process, so that each image counts once, and machines need no common folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import pandas as pd
import torch
from torch import nn

from study.chunked import measured_chunks
from study.chunks import Plan
from study.data import Images
from study.pace import Clock, Pace
from study.processes import gathered, process_count, process_number, told
from study.provenance import weights_hash

Metrics = Mapping[str, Callable[..., Any]]


@dataclasses.dataclass(frozen=True)
class Task:
    """What all processes measure together."""

    model: str
    weights: str
    digest: str
    metrics: Metrics
    plan: Plan
    chunks: tuple[int, ...]
    workers: int
    dtype: str


def help_measuring(loaded: Mapping[str, nn.Module], images: Images | None, device: torch.device) -> None:
    """Measure what the first process asks for, until it has nothing more to ask.

    Args:
        loaded: the models by the names that the first process knows them by.
        images: the same as there; None where nothing will be measured.
        device: of this process.
    Raises:
        Exception: what went wrong here; the first process knows of it by then.
    """
    failed: Exception | None = None
    while (task := told(None)) is not None:
        try:
            for _ in measured_together(task, loaded.get(task.model), images, device, []):
                pass
        except OtherFailed:
            continue
        except Exception as error:
            failed = error
    if failed is not None:
        raise failed


@contextlib.contextmanager
def leading() -> Iterator[None]:
    """At the end of it, or when it fails, the others are told that there is nothing more."""
    try:
        yield
    except Exception:
        told(None)
        raise
    told(None)


class OtherFailed(ValueError):
    """A process of those that measure together could not."""


def measured_together(
    task: Task, model: Any | None, images: Images | None, device: torch.device, paces: list[Pace]
) -> Generator[tuple[int, pd.DataFrame]]:
    """Parts of all processes in the order of the chunks; all processes take part, and know of each other's failures."""
    mine = _Share(task, model, images, device)
    try:
        for _ in range(-(-len(task.chunks) // process_count())):
            yield from mine.exchanged()
        paces += mine.finished()
    except GeneratorExit:  # whoever takes the parts could not
        mine.failure = "what was measured could not be kept"
        with contextlib.suppress(OtherFailed):
            mine.exchanged()
        raise
    finally:
        if model is not None:
            model.cpu()


class _Share:
    """What one process does of a task."""

    def __init__(self, task: Task, model: Any | None, images: Images | None, device: torch.device) -> None:
        self.task, self.clock = task, Clock()
        self.failure: str | None = None
        self._error: Exception | None = None
        self._parts = self._measured(model, images, device)

    def _measured(
        self, model: Any | None, images: Images | None, device: torch.device
    ) -> Iterator[tuple[int, pd.DataFrame]]:
        task = self.task
        if model is None or images is None:
            raise ValueError(
                f"process {process_number()} has not loaded {task.model}: give each process the same command, and no "
                "machine a folder --out with results of its own"
            )
        model.to(device, getattr(torch, task.dtype))
        if process_number() and (weights_hash(model), images.digest) != (task.weights, task.digest):
            raise ValueError(
                f"the weights of {task.model} or the images are others in process {process_number()} than in the first "
                "one: give each machine the same files"
            )
        mine = task.chunks[process_number() :: process_count()]
        bar = task.model if process_number() == 0 else ""
        yield from measured_chunks(
            model, images, task.metrics, task.plan, mine, clock=self.clock, workers=task.workers, bar=bar
        )

    def exchanged(self) -> list[tuple[int, pd.DataFrame]]:
        """The next part of each process that has one.

        Raises:
            OtherFailed: one could not; in that process its own error.
        """
        part = None
        try:
            part = next(self._parts, None) if self.failure is None else None
        except Exception as error:
            self.failure, self._error = str(error), error
        return [part for part in self._agreed(part) if part is not None]

    def finished(self) -> list[Pace]:
        """What it took each process."""
        return self._agreed(self.clock.pace)

    def _agreed(self, value: Any) -> list[Any]:
        everywhere = gathered([(value, self.failure)])
        if self._error is not None:
            raise self._error
        for number, (_, failure) in enumerate(everywhere):
            if failure is not None:
                raise OtherFailed(f"process {number}: {failure}")
        return [found for found, _ in everywhere]
