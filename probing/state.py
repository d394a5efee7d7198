"""The file from which a training of probes goes on after a kill."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from study.atomic import replacing

FINGERPRINT = "fingerprint"


def write_state(path: Path, content: Mapping[str, Any], *, after: str) -> None:
    """Write a state, whole or not at all.

    Args:
        path: of the file.
        content: tensors and plain values.
        after: which step or epoch, for the complaint.
    Raises:
        OSError: the disk is full or the folder cannot be written to; what was there before is still there.
    """
    try:
        with replacing(path) as part, part.open("wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        raise OSError(
            f"the state after {after} could not be written to {path} ({error}): make room and give the same command "
            "again"
        ) from error


def same_state(path: Path | None, fingerprint: str) -> dict[str, Any] | None:
    """What a file holds of the very same training; None where there is none, or one of another."""
    if path is None or not path.exists():
        return None
    content = torch.load(path, map_location="cpu", weights_only=True)
    return content if content[FINGERPRINT] == fingerprint else None
