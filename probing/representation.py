"""Which layers, poolings and norm a command was asked for."""

from __future__ import annotations

import argparse
from typing import Any

from torch import nn

from models import token_layout

from .aggregation.poolings import POOLINGS
from .features.extraction import Wanted
from .features.frozen import Cell, chosen_layers


def chosen(model: nn.Module, options: argparse.Namespace) -> Wanted:
    """What is asked of a model.

    Poolings that a model cannot have are left out where none were named: the class token of a model without one, and
    attention at the embedding.

    Args:
        model: that is probed.
        options: with layers, poolings, norm and tokens.
    Raises:
        ValueError: there is no such layer or pooling, or the model cannot have it.
    """
    blocks: Any = model.blocks
    layers = chosen_layers(options.layers, len(blocks))
    named = options.poolings or _usual(model)
    attending = [name for name in named if _attends(name)]
    if attending and 0 in layers and options.layers != ["all"]:
        raise ValueError(f"--poolings {' '.join(attending)} at layer 0: the embedding has no attention; leave 0 out")
    cells = tuple(Cell(layer, name) for layer in layers for name in named if layer or not _attends(name))
    tokens = tuple(layers) if getattr(options, "tokens", False) else ()
    return Wanted(cells, token_layers=tokens, norm=options.norm)


def _usual(model: nn.Module) -> list[str]:
    """Class token, mean of patches, and mean of registers, as far as the model has them."""
    layout = token_layout(model)
    has = {"class_token": layout.class_tokens, "patches": True, "registers": layout.registers}
    return [name for name, there in has.items() if there]


def _attends(name: str) -> bool:
    return name in POOLINGS and POOLINGS[name].needs_attention
