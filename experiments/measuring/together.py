"""What all processes do together: measure the chunks of a task, exchange them, and know of each other's failures.

A chunk is measured by one process, so that each image counts once, and machines need no common folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from study.chunked import measured_chunks
from study.chunks import Plan
from study.data import Images
from study.measurement import Measurement
from study.pace import Clock, Pace
from study.packed import Arrays
from study.processes import gathered, process_count, process_number, told
from study.provenance import weights_hash


@dataclasses.dataclass(frozen=True)
class Task:
    """What all processes measure together.

    Attributes:
        model: its name in the run.
        weights: hash of the network that the measurement makes of it.
        digest: of the images.
        measurement: what is measured.
        plan: how the images are cut.
        chunks: those to measure.
        workers: of each process, that read images.
        dtype: of the network.
    """

    model: str
    weights: str
    digest: str
    measurement: Measurement
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
            for _ in measured_together(task, _opened(task, loaded), images, device, []):
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
    task: Task, network: Callable[[], Any], images: Images | None, device: torch.device, paces: list[Pace]
) -> Generator[tuple[int, Arrays]]:
    """Parts of all processes in the order of the chunks; all processes take part, and know of each other's failures.

    Args:
        task: the same in all of them.
        network: gives what the measurement makes of the task's model; on the CPU afterwards.
        images: of `open_images`; None where there are none.
        device: of this process.
        paces: takes the pace of each process, at the end.
    """
    mine = _Share(task, network, images, device)
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
        mine.parts.close()


def _opened(task: Task, loaded: Mapping[str, nn.Module]) -> Callable[[], Any]:
    """What the measurement makes of the model here."""

    def network() -> Any:
        if task.model not in loaded:
            raise ValueError(
                f"process {process_number()} has not loaded {task.model}: give each process the same command, and no "
                "machine a folder --out with results of its own"
            )
        return task.measurement.opened(task.model, loaded[task.model])

    return network


class _Share:
    """What one process does of a task."""

    def __init__(self, task: Task, network: Callable[[], Any], images: Images | None, device: torch.device) -> None:
        self.task, self.clock = task, Clock()
        self.failure: str | None = None
        self._error: Exception | None = None
        self.parts = self._measured(network, images, device)

    def _measured(
        self, opened: Callable[[], Any], images: Images | None, device: torch.device
    ) -> Generator[tuple[int, Arrays]]:
        task, network = self.task, opened()
        if images is None:
            raise ValueError(f"process {process_number()} has opened no images: give each process the same command")
        network.to(device, getattr(torch, task.dtype))
        try:
            if process_number() and (weights_hash(network), images.digest) != (task.weights, task.digest):
                raise ValueError(
                    f"the weights of {task.model} or the images are others in process {process_number()} than in the "
                    "first one: give each machine the same files"
                )
            mine = task.chunks[process_number() :: process_count()]
            bar = task.model if process_number() == 0 else ""
            yield from measured_chunks(
                network, images, task.measurement, task.plan, mine, clock=self.clock, workers=task.workers, bar=bar
            )
        finally:
            network.cpu()

    def exchanged(self) -> list[tuple[int, Arrays]]:
        """The next part of each process that has one.

        Raises:
            OtherFailed: one could not; in that process its own error.
        """
        part = None
        try:
            part = next(self.parts, None) if self.failure is None else None
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
