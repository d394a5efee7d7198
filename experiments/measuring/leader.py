"""The first process, or the only one: it knows which chunks are missing and goes on alone with tables and figures.

It tells the others what to measure and writes every part; the others help until there is nothing more. A killed run
goes on with the parts that are there.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from study.chunks import Plan
from study.data import Images
from study.long_table import LongTable, Table
from study.measurement import Measurement
from study.pace import Pace
from study.packed import Arrays, unpacked
from study.parts import PARTS, Parts
from study.processes import process_count, told
from study.provenance import arithmetic, versions, weights_hash
from study.record import COLUMNS

from ..settings import Settings
from .together import Task, measured_together


class Leader:
    """What is measured of all models on the same images, in all processes; called for by the first one.

    Args:
        measurement: what is measured.
        networks: what it made of the models, by the names that figures show; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
        only: numbers of the images to measure; None for all.
    Raises:
        ValueError: the folder holds parts of another run.
    """

    def __init__(
        self,
        measurement: Measurement,
        networks: Mapping[str, nn.Module],
        images: Images,
        settings: Settings,
        device: torch.device,
        *,
        only: Sequence[int] | None = None,
    ) -> None:
        self.measurement, self.networks = measurement, networks
        self.images, self.settings, self.device = images, settings, device
        drawn = (settings.seed or 0) if settings.until_precise is not None else None
        chosen = None if only is None else tuple(only)
        self.plan = Plan(len(images if chosen is None else chosen), settings.batch_size, drawn, chosen)
        for network in networks.values():
            network.to(getattr(torch, settings.dtype))
        self.weights = {name: weights_hash(network) for name, network in networks.items()}
        folder = None if settings.out is None else settings.out / PARTS
        self.parts = Parts(folder, self._identity(), replace=settings.overwrite)
        self.paces = dict.fromkeys(networks, Pace())
        self._tell_of_earlier_parts()

    def extend(self, chunks: int | None = None) -> None:
        """Measure what is missing of the first chunks of each model, by default of all.

        Raises:
            OSError: the folder cannot be written to.
            ValueError: another process failed.
        """
        for number, name in enumerate(self.networks):
            wanted = range(self.plan.chunks if chunks is None else chunks)
            missing = tuple(chunk for chunk in wanted if (number, chunk) not in self.parts)
            if missing:
                self._measure(number, name, missing)

    def of(self, name: str, chunks: int | None = None) -> Iterator[Arrays]:
        """The parts of a model in the order of its chunks, by default of all, read one at a time."""
        number = list(self.networks).index(name)
        for chunk in range(self.plan.chunks if chunks is None else chunks):
            yield self.parts.read((number, chunk))

    def table(self, chunks: int | None = None) -> Table:
        """The per-image values of parts that are such tables; in memory where the run has no folder, else in pieces."""

        def pieces() -> Iterator[Any]:
            for name in self.networks:
                for part in self.of(name, chunks):
                    yield unpacked(part).assign(model=name)[list(COLUMNS)]

        table = LongTable(pieces, COLUMNS)
        return table.whole() if self.parts.folder is None else table

    @property
    def speeds(self) -> dict[str, dict[str, float]]:
        """Images per second of each model of which something was measured, as `study.pace` gives them."""
        known = {"processes": process_count(), "workers": self.settings.workers}
        speeds = {name: pace.speeds(**known) for name, pace in self.paces.items()}
        return {name: speed for name, speed in speeds.items() if speed}

    def _measure(self, number: int, name: str, missing: tuple[int, ...]) -> None:
        settings, started = self.settings, time.perf_counter()
        task = Task(
            name,
            self.weights[name],
            self.images.digest,
            self.measurement,
            self.plan,
            missing,
            settings.workers,
            settings.dtype,
        )
        told(task)
        paces: list[Pace] = []
        measured = measured_together(task, lambda: self.networks[name], self.images, self.device, paces)
        with contextlib.closing(measured) as parts:
            for chunk, arrays in parts:
                self.parts.write((number, chunk), arrays)
        whole = Pace(whole=time.perf_counter() - started)
        self.paces[name] = sum(paces, self.paces[name] + whole)

    def _tell_of_earlier_parts(self) -> None:
        """Whoever gives a command again sees that it goes on, not anew."""
        places = [(number, chunk) for number in range(len(self.networks)) for chunk in range(self.plan.chunks)]
        there = sum(place in self.parts for place in places)
        if there:
            share = f"{there} of {len(places)} parts"
            print(f"{self.parts.folder}: {share} are there from a run that did not end; it goes on", file=sys.stderr)

    def _identity(self) -> dict[str, Any]:
        """What parts must have in common to be of one table, in words."""
        from models import image_transform

        settings, plan = self.settings, self.plan
        how = arithmetic(settings.dtype, self.device)
        encoders = {name: self.measurement.encoder(network) for name, network in self.networks.items()}
        only = {} if plan.only is None else {"chosen images": hashlib.sha256(repr(plan.only).encode()).hexdigest()}
        return {
            "models": ", ".join(self.networks),
            **{f"weights of {name}": digest for name, digest in self.weights.items()},
            **{f"heads of {name}": _heads(encoder) for name, encoder in encoders.items()},
            **{f"transform of {name}": str(image_transform(encoder)) for name, encoder in encoders.items()},
            "images": self.images.digest,
            **only,
            "order of the images": "as they stand" if plan.seed is None else f"drawn with seed {plan.seed}",
            "batch size": settings.batch_size,
            **self.measurement.identity,
            **{name: how[name] for name in ("dtype", "device", "tf32")},
            **{f"version of {name}": version for name, version in versions().items()},
        }


def measured_by_all(
    measurement: Measurement,
    networks: Mapping[str, nn.Module],
    images: Images,
    settings: Settings,
    device: torch.device,
    *,
    only: Sequence[int] | None = None,
) -> Leader:
    """All images through all models, or those that are missing of a run that did not end; arguments of `Leader`."""
    leader = Leader(measurement, networks, images, settings, device, only=only)
    leader.extend()
    return leader


def _heads(encoder: Any) -> str:
    return " ".join(str(block.attn.num_heads) for block in encoder.blocks)
