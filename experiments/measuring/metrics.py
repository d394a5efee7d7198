"""Metrics of all images, or of as many as `--until-precise` needs: the table, and how it came about."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import nn

from study.data import Images
from study.long_table import Table
from study.measurement import check_batches, values_of_images
from study.packed import unpacked
from study.summary import summary

from ..settings import Settings
from .leader import Leader
from .precision import Stop, looks, widest


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
    metrics: Mapping[str, Callable[..., Any]],
    loaded: Mapping[str, nn.Module],
    images: Images,
    settings: Settings,
    device: torch.device,
    *,
    logarithmic: Collection[str] = (),
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
        logarithmic: metrics that are shown on a logarithmic axis; see `widest`.
    Raises:
        ValueError: the folder holds parts of another run, or another process failed, or a metric compares the images of
            a batch and there is more than one.
    """
    leader = Leader(values_of_images(metrics), loaded, images, settings, device)
    check_batches(metrics, leader.plan)
    share, chunks, stop = settings.until_precise, leader.plan.chunks, None
    if share is None:
        leader.extend()
        return _found(leader, chunks, None)
    for chunks in looks(len(images), leader.plan.chunks_of):
        leader.extend(chunks)
        measured = leader.plan.images_in(chunks)
        last = widest(summary(leader.table(chunks)), logarithmic=logarithmic)
        stop = Stop(share, measured, len(images), last)
        if stop.reached:
            break
    return _found(leader, chunks, stop)


def _found(leader: Leader, chunks: int, stop: Stop | None) -> Found:
    firsts = (unpacked(next(leader.of(name))) for name in leader.networks)
    metrics = list(dict.fromkeys(metric for first in firsts for metric in first["metric"].unique()))
    return Found(leader.table(chunks), metrics, leader.plan.images_in(chunks), leader.speeds, stop)
