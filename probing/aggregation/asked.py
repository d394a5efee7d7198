"""Which poolings of one layer were asked for, and what the table says of how they were made."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from models import TokenLayout, token_layout

from ..features.extraction import Wanted
from ..features.frozen import Cell, chosen_layers
from .poolings import POOLINGS
from .quirks import QUIRKS, known_quirks
from .rows import HEAD

ALL = (*POOLINGS, HEAD)


def asked(model: nn.Module, options: argparse.Namespace, oracle: nn.Module | None) -> Wanted:
    """What is asked of a model: one layer, the poolings that were named, or all that it can have.

    Args:
        model: that is probed.
        options: with layer, poolings, norm and quirks.
        oracle: another model, or None.
    Raises:
        ValueError: there is no such layer, pooling or quirk, or nothing that the model can have.
    """
    blocks: Any = model.blocks
    (layer,) = chosen_layers([str(options.layer)], len(blocks))
    unknown = [name for name in options.poolings if name not in ALL]
    if unknown:
        raise ValueError(f"--poolings {' '.join(unknown)}: there are {', '.join(ALL)}")
    possible = [name for name in POOLINGS if can_have(name, token_layout(model), layer, oracle)]
    named = list(dict.fromkeys(options.poolings)) or [*possible, HEAD]
    return Wanted(
        tuple(Cell(layer, name) for name in named if name != HEAD),
        token_layers=(layer,) if HEAD in named else (),
        norm=options.norm,
        oracle=oracle if "oracle" in named else None,
        quirks=known_quirks(options.quirks),
    )


def can_have(name: str, layout: TokenLayout, layer: int, oracle: nn.Module | None) -> bool:
    """Whether a model of this layout has a pooling at a layer."""
    pooling = POOLINGS[name]
    central = name[:2] in ("cp", "ca")
    return (
        (not pooling.needs_class or layout.class_tokens > 0)
        and (name != "registers" or layout.registers > 0)
        and (not pooling.needs_attention or layer > 0)
        and (not pooling.needs_oracle or oracle is not None)
        and (not central or int(name[2:]) <= min(layout.grid))
    )


def with_making(
    rows: Sequence[Mapping[str, Any]], *, quirks: Sequence[str], oracle: str | None
) -> list[dict[str, Any]]:
    """The rows with, in their recipe, the oracle that they used and the quirks that changed them."""
    return [{**row, "recipe": row["recipe"] + _making(row["pooling"], quirks, oracle)} for row in rows]


def in_order(rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> list[Mapping[str, Any]]:
    """Rows in the order of the models, the poolings of each in that of `POOLINGS`, AbMILP last."""

    def place(row: Mapping[str, Any]) -> tuple[int, int]:
        names = list(POOLINGS)
        return models.index(row["model"]), names.index(row["pooling"]) if row["pooling"] in names else len(names)

    return sorted(rows, key=place)


def _making(pooling: str, quirks: Sequence[str], oracle: str | None) -> str:
    changed = [name for name in quirks if pooling in QUIRKS[name].poolings]
    said = f"; oracle {oracle}" if pooling == "oracle" else ""
    return said + (f"; quirks {', '.join(changed)}" if changed else "")
