"""The measuring of metrics over depth at scale: chunk by chunk, by one process or many, resumed after a kill.

The first process leads: it knows which chunks are missing, tells the others what to measure, writes every part and
goes on alone with tables and figures. The others help until there is nothing more. A chunk is measured by one process,
so that each image counts once, and machines need no common folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import pandas as pd
import torch
from torch import nn

from study.chunked import check_batches, measured_chunks
from study.chunks import Plan
from study.data import Images
from study.long_table import LongTable, Table
from study.pace import Clock, Pace
from study.parts import PARTS, Parts
from study.processes import gathered, process_count, process_number, told
from study.provenance import arithmetic, versions, weights_hash
from study.record import COLUMNS
from study.summary import summary

from ..settings import Settings
from .precision import Stop, looks, widest

Metrics = Mapping[str, Callable[..., Any]]


@dataclasses.dataclass(frozen=True)
class Found:
    """What was measured.

    Attributes:
        table: per-image values; in memory where the run has no folder, else in pieces, which are read from its parts.
        metrics: names of the metrics in the table.
        images: how many of the images were measured.
        speeds: images per second of each model, as `study.pace` gives them.
        stop: where --until-precise ended; None without it.
    """

    table: Table
    metrics: list[str]
    images: int
    speeds: dict[str, dict[str, float]]
    stop: Stop | None


def found(
    metrics: Metrics, loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device
) -> Found:
    """Measure all models on the same images, or as many of them as `--until-precise` needs; by the first process.

    With `--until-precise` the images are taken in a drawn order, so that those that were taken are a sample of all, and
    the intervals are looked at after 64 images, then after a quarter more each time: the interval at which it stops is
    a little optimistic, since it was chosen for being narrow.

    Args:
        metrics: as for `models.measure`.
        loaded: models by the names that figures show; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Raises:
        ValueError: the folder holds parts of another run, or another process failed.
    """
    leader = _Leader(metrics, loaded, images, settings, device)
    share, chunks, stop = settings.until_precise, leader.plan.chunks, None
    if share is None:
        leader.extend(chunks)
        return leader.found(chunks, None)
    for chunks in looks(len(images), leader.plan.chunks_of):
        leader.extend(chunks)
        measured = leader.plan.images_in(chunks)
        stop = Stop(share, measured, len(images), widest(summary(leader.table(chunks))))
        if stop.reached:
            break
    return leader.found(chunks, stop)


@dataclasses.dataclass(frozen=True)
class _Task:
    """What all processes measure together."""

    model: str
    weights: str
    digest: str
    metrics: Metrics
    plan: Plan
    chunks: tuple[int, ...]
    workers: int
    dtype: str


class _Leader:
    """The first process, or the only one."""

    def __init__(
        self,
        metrics: Metrics,
        loaded: Mapping[str, nn.Module],
        images: Images,
        settings: Settings,
        device: torch.device,
    ) -> None:
        self.metrics, self.loaded, self.images, self.settings, self.device = metrics, loaded, images, settings, device
        drawn = (settings.seed or 0) if settings.until_precise is not None else None
        self.plan = Plan(len(images), settings.batch_size, drawn)
        check_batches(metrics, self.plan)
        for model in loaded.values():
            model.to(getattr(torch, settings.dtype))
        self.weights = {name: weights_hash(model) for name, model in loaded.items()}
        folder = None if settings.out is None else settings.out / PARTS
        self.parts = Parts(folder, self._identity(), replace=settings.overwrite)
        self.paces = dict.fromkeys(loaded, Pace())

    def extend(self, chunks: int) -> None:
        """Measure what is missing of the first chunks of each model."""
        for number, name in enumerate(self.loaded):
            missing = tuple(chunk for chunk in range(chunks) if (number, chunk) not in self.parts)
            if missing:
                self._measure(number, name, missing)

    def _measure(self, number: int, name: str, missing: tuple[int, ...]) -> None:
        settings, started = self.settings, time.perf_counter()
        task = _Task(
            name,
            self.weights[name],
            self.images.digest,
            self.metrics,
            self.plan,
            missing,
            settings.workers,
            settings.dtype,
        )
        told(task)
        paces: list[Pace] = []
        with contextlib.closing(_together(task, self.loaded[name], self.images, self.device, paces)) as parts:
            for chunk, table in parts:
                self.parts.write((number, chunk), table)
        whole = Pace(whole=time.perf_counter() - started)
        self.paces[name] = sum(paces, self.paces[name] + whole)

    def table(self, chunks: int) -> LongTable:
        """The values of the first chunks of each model."""
        return LongTable(
            lambda: (
                self.parts.read((number, chunk), name)
                for number, name in enumerate(self.loaded)
                for chunk in range(chunks)
            ),
            COLUMNS,
        )

    def found(self, chunks: int, stop: Stop | None) -> Found:
        """The end."""
        table = self.table(chunks)
        firsts = (self.parts.read((number, 0), name) for number, name in enumerate(self.loaded))
        metrics = list(dict.fromkeys(metric for first in firsts for metric in first["metric"].unique()))
        known = {"processes": process_count(), "workers": self.settings.workers}
        speeds = {name: pace.speeds(**known) for name, pace in self.paces.items()}
        return Found(
            table.whole() if self.parts.folder is None else table,
            metrics,
            self.plan.images_in(chunks),
            {name: speed for name, speed in speeds.items() if speed},
            stop,
        )

    def _identity(self) -> dict[str, Any]:
        """What parts must have in common to be of one table, in words."""
        from models import image_transform

        settings = self.settings
        how = arithmetic(settings.dtype, self.device)
        return {
            "models": ", ".join(self.loaded),
            **{f"weights of {name}": digest for name, digest in self.weights.items()},
            **{f"heads of {name}": _heads(model) for name, model in self.loaded.items()},
            **{f"transform of {name}": str(image_transform(model)) for name, model in self.loaded.items()},
            "images": self.images.digest,
            "order of the images": "as they stand" if self.plan.seed is None else f"drawn with seed {self.plan.seed}",
            "batch size": settings.batch_size,
            **{f"metric {name}": _described(function) for name, function in self.metrics.items()},
            **{name: how[name] for name in ("dtype", "device", "tf32")},
            **{f"version of {name}": version for name, version in versions().items()},
        }


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
            for _ in _together(task, loaded.get(task.model), images, device, []):
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


def _together(
    task: _Task, model: Any | None, images: Images | None, device: torch.device, paces: list[Pace]
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

    def __init__(self, task: _Task, model: Any | None, images: Images | None, device: torch.device) -> None:
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


def _described(function: Callable[..., Any]) -> str:
    """A metric with its options."""
    if isinstance(function, functools.partial):
        options = ", ".join(f"{name}={value!r}" for name, value in sorted(function.keywords.items()))
        return f"{_described(function.func)}({options})"
    return f"{function.__module__}.{function.__qualname__}"


def _heads(model: Any) -> str:
    return " ".join(str(block.attn.num_heads) for block in model.blocks)
