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
        num_heads: of those files that do not tell it.
    Raises:
        OSError, ValueError: as `models.load_model`; two models would have one name, or `num_heads` is that of no file.
    """
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ValueError(f"--models: {', '.join(double)} is given twice; each model needs a name of its own")
    heads = needed_heads(names, num_heads)
    return {
        label: models.load_model(name, num_heads=heads[name])
        for label, name in zip(shown_names(names), names, strict=True)
    }


def needed_heads(names: Sequence[str], num_heads: int | None) -> dict[str, int | None]:
    """The number by model: of files whose shapes, card and published size do not tell their heads; None of all others.

    A single file among the models gets the number in any case: its user may know better than a published size.

    Raises:
        OSError, ValueError: a file cannot be read, or all of several have other numbers of heads than the user says.
    """
    files = [name for name in names if Path(name).is_file()]
    if num_heads is None or len(files) == 1:
        return {name: num_heads if name in files else None for name in names}
    told = {name: models.inspect_checkpoint(name).heads for name in files}
    if told and not {None, num_heads} & set(told.values()):
        known = ", ".join(f"{name} has {heads}" for name, heads in told.items())
        raise ValueError(
            f"--num-heads {num_heads} is for files that do not tell their heads, and {known}, by shapes, card or "
            "published size; leave --num-heads out, or give it with one of these files alone"
        )
    return {name: num_heads if name in told and told[name] is None else None for name in names}


def tells_heads(name: str) -> bool:
    """Whether a model needs no `num_heads`: no file, or one whose shapes, card or published size tell its heads."""
    return not Path(name).is_file() or models.inspect_checkpoint(name).heads is not None


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
