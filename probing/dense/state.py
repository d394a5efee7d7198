"""The file from which the training of dense probes goes on."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..state import write_state

IDENTITY = "identity"


def saved(path: Path, identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a state and what it belongs to, whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written to; what was there before is still there.
    """
    write_state(path, {IDENTITY: dict(identity), **state}, after=f"epoch {state['epoch']}")


def stored(path: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """A state of the same training.

    Raises:
        ValueError: the file is damaged, or of another training; the text says what differs.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        before = state[IDENTITY]
    except (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path} is no state of a dense probe ({type(error).__name__}): remove it, or choose another --out"
        ) from error
    different = [
        f"{name} was {before.get(name)}, is {value}" for name, value in identity.items() if before.get(name) != value
    ]
    if different:
        raise ValueError(
            f"{path} is a training of something else: {'; '.join(different)}. Give the same command to go on, or "
            "choose another --out"
        )
    return state
