"""The file from which the training of dense probes goes on."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from study.atomic import replacing

IDENTITY = "identity"


def saved(path: Path, identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a state and what it belongs to, whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written to; what was there before is still there.
    """
    try:
        with replacing(path) as part, part.open("wb") as file:
            torch.save({IDENTITY: dict(identity), **state}, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        raise OSError(
            f"the state after epoch {state['epoch']} could not be written to {path} ({error}): make room and give the "
            "same command again"
        ) from error


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
