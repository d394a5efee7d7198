"""Where the numbers of a run come from, for its manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import torch
from torch import nn

from study.data import Images
from study.provenance import arithmetic, plain, versions, weights

from .settings import Settings


def origin(
    name: str, settings: Settings, loaded: Mapping[str, nn.Module], images: Images, device: torch.device, command: str
) -> dict[str, Any]:
    """The manifest's account of one run: command, options, weights, images, versions, arithmetic."""
    return {
        "experiment": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "options": {key: plain(value) for key, value in dataclasses.asdict(settings).items()},
        "models": {model: weights(module) for model, module in loaded.items()},
        "images": {
            "where": images.where,
            "count": len(images),
            "digest": images.digest,
            "names": list(images.names),
            "broken": [list(entry) for entry in images.broken],
        },
        "arithmetic": arithmetic(settings.dtype, device),
        "versions": versions(),
    }


def origin_of_stored(name: str, settings: Settings, command: str) -> dict[str, Any]:
    """The manifest's account of a figure of stored results; the findings' facts name the runs they come from."""
    return {
        "experiment": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "options": {key: plain(value) for key, value in dataclasses.asdict(settings).items()},
        "versions": versions(),
    }
