"""Rows that are no mean over images, and where the numbers of a command come from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from torch import Tensor

from study.processes import Process
from study.provenance import arithmetic, plain, versions

from ..data import LabelledImages
from ..features.frozen import Cell
from ..table import row
from .subjects import Subject


def cell_row(subject: Subject, cell: Cell, metric: str, values: Tensor, *, note: str = "") -> dict[str, Any]:
    """A row of the table for one cell: the mean of per-image values and its interval.

    Args:
        subject: whose.
        cell: layer and pooling.
        metric: what the values are.
        values: (image).
        note: what else made the number, behind the recipe.
    """
    return row(
        model=subject.name,
        layer=cell.layer,
        pooling=cell.pooling,
        head=subject.head,
        recipe="; ".join(filter(None, (subject.recipe(cell), note))),
        values=values,
        metric=metric,
    )


def ratio_row(
    subject: Subject, cell: Cell, metric: str, values: Tensor, ratio: tuple[float, float, float], *, note: str = ""
) -> dict[str, Any]:
    """The same for a ratio (value, low, high); the per-image values only say how many images it is of."""
    value, low, high = ratio
    return {**cell_row(subject, cell, metric, values, note=note), "value": value, "low": low, "high": high}


def account(
    command: str,
    options: argparse.Namespace,
    here: Process,
    subjects: Sequence[Subject],
    images: Mapping[str, LabelledImages],
    **facts: Any,
) -> dict[str, Any]:
    """The manifest of a command.

    Args:
        command: as it was typed.
        options: of it.
        here: this process.
        subjects: whose answers were counted.
        images: by what they are for.
        **facts: what else was found or chosen.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "options": {name: plain(value) for name, value in vars(options).items() if name != "run"},
        "models": {subject.name: subject.origin() for subject in subjects},
        "images": {
            use: {"where": known.where, "count": len(known), "digest": known.digest} for use, known in images.items()
        },
        **facts,
        "processes": here.world,
        "arithmetic": arithmetic(options.dtype, here.device),
        "versions": versions(),
    }


def in_percent(ratio: tuple[float, float, float]) -> str:
    """A share with its interval for people, in per cent.

    >>> in_percent((0.25, 0.2, 0.3)), in_percent((0.25, float("nan"), float("nan")))
    ('25.0 % (20.0 to 30.0)', '25.0 % (no interval: too few images count)')
    """
    value, low, high = (100 * number for number in ratio)
    return (
        f"{value:.1f} % ({low:.1f} to {high:.1f})"
        if low == low
        else f"{value:.1f} % (no interval: too few images count)"
    )
