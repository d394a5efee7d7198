"""Models of a run; all that can fail does so before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

import models


def loaded_models(names: Sequence[str], num_heads: int | None = None) -> dict[str, nn.Module]:
    """The models on the CPU, by the names that figures show.

    Args:
        names: what `models.load_model` takes.
        num_heads: of those that are files.
    Raises:
        OSError, ValueError: as `models.load_model`; or two models would have one name.
    """
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ValueError(f"--models: {', '.join(double)} is given twice; each model needs a name of its own")
    shown = shown_names(names)
    heads = [num_heads if Path(name).is_file() else None for name in names]
    return {
        label: models.load_model(name, num_heads=number)
        for label, name, number in zip(shown, names, heads, strict=True)
    }


def shown_names(names: Sequence[str]) -> list[str]:
    """What figures call the models: of a file the end of its path, as much as tells it from the others.

    >>> shown_names(["moco", "/nowhere/a.pth"])
    ['moco', '/nowhere/a.pth']
    """
    parts = [Path(name).resolve().parts if Path(name).is_file() else (name,) for name in names]
    return [_distinct_end(own, [other for other in parts if other != own]) for own in parts]


def _distinct_end(own: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> str:
    for length in range(1, len(own)):
        if all(other[-length:] != own[-length:] for other in others):
            return "/".join(own[-length:])
    return str(Path(*own))
