"""The first process, or the only one: it knows which chunks are missing and goes on alone with tables and figures.

It tells the others what to measure and writes every part; the others help until there is nothing more. A killed run
goes on with the parts that are there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from study.chunked import check_batches
from study.chunks import Plan
from study.data import Images
from study.long_table import LongTable, Table
from study.pace import Pace
from study.parts import PARTS, Parts
from study.processes import process_count, told
from study.provenance import arithmetic, versions, weights_hash
from study.record import COLUMNS
from study.summary import summary

from ..settings import Settings
from .precision import Stop, looks, widest
from .together import Metrics, Task, measured_together


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
        task = Task(
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
        with contextlib.closing(measured_together(task, self.loaded[name], self.images, self.device, paces)) as parts:
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


def _described(function: Callable[..., Any]) -> str:
    """A metric with its options."""
    if isinstance(function, functools.partial):
        options = ", ".join(f"{name}={value!r}" for name, value in sorted(function.keywords.items()))
        return f"{_described(function.func)}({options})"
    return f"{function.__module__}.{function.__qualname__}"


def _heads(model: Any) -> str:
    return " ".join(str(block.attn.num_heads) for block in model.blocks)
