"""Where the numbers of a run come from, for its manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import platform
import subprocess
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from study.data import Images

from .settings import Settings

ROOT = Path(__file__).parent.parent
PACKAGES = ("torch", "timm", "numpy", "pandas", "pillow", "torchvision", "matplotlib")
LONG = ("used", "renamed", "dropped")  # of a passport: key by key, so only their number is told


def origin(
    name: str, settings: Settings, loaded: Mapping[str, nn.Module], images: Images, device: torch.device, command: str
) -> dict[str, Any]:
    """The manifest's account of one run: command, options, weights, images, versions, arithmetic."""
    return {
        "experiment": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "options": {key: _plain(value) for key, value in dataclasses.asdict(settings).items()},
        "models": {model: _weights(module) for model, module in loaded.items()},
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


def arithmetic(dtype: str, device: torch.device) -> dict[str, Any]:
    """What the numbers were computed with; TF32 would keep only 10 bits of float32's fraction."""
    return {
        "dtype": dtype,
        "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
        "threads": torch.get_num_threads(),
        "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
        "attention": "logits and statistics in float32 or wider",
    }


def versions() -> dict[str, str]:
    """Versions of this project, of Python and of the packages that the numbers depend on."""
    known = {"vit-anatomy": _own_version(), "python": platform.python_version()}
    return {**known, **{package: importlib.metadata.version(package) for package in PACKAGES}}


def _own_version() -> str:
    """Version of the project, with the commit where git knows it."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    try:
        commit = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return version
    return f"{version}+{commit.stdout.strip()}" if commit.returncode == 0 else version


def _weights(model: Any) -> dict[str, Any]:
    """The passport that `load_model` gave, and the hash of the parameters that were really used."""
    known = {
        field.name: getattr(model.passport, field.name)
        for field in dataclasses.fields(model.passport)
        if field.name not in LONG
    }
    counts = {field: len(getattr(model.passport, field)) for field in LONG}
    return {**{key: _plain(value) for key, value in known.items()}, **counts, "parameters_sha256": _hash(model)}


def _hash(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
