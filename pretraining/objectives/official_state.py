"""Weights as the official files hold them: timm's, and the index tables that timm works out by itself."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

INDEX = "relative_position_index"


def official_state(module: nn.Module) -> dict[str, Tensor]:
    """Every weight by name, with the tables of relative positions that timm keeps out of its state."""
    return {**module.state_dict(), **_index_tables(module)}


def _index_tables(module: nn.Module) -> dict[str, Tensor]:
    return {name: buffer for name, buffer in module.named_buffers() if name.endswith(f".{INDEX}")}


def load_official_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Fill a module with the weights of `official_state`.

    Raises:
        ValueError: names or shapes differ, or an index table is another one.
    """
    tables = _index_tables(module)
    for name, table in tables.items():
        if name in state and not torch.equal(state[name].to(table.device), table):
            raise ValueError(f"{name} of the checkpoint is not the table of this grid of patches: another image size?")
    try:
        module.load_state_dict({name: value for name, value in state.items() if name not in tables}, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f"the checkpoint does not fit the recipe's {type(module).__name__}; "
            f"give the recipe it was trained with. {error}"
        ) from error
