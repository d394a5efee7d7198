"""Where numbers come from, for their manifest: weights, versions, arithmetic."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import platform
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).parent.parent
PACKAGES = ("torch", "timm", "numpy", "pandas", "pillow", "torchvision", "matplotlib")
LONG = ("used", "renamed", "dropped")  # of a passport: key by key, so only their number is told


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


def weights(model: Any) -> dict[str, Any]:
    """The passport that `load_model` gave, and number and hash of the parameters that were really used."""
    known = {
        field.name: getattr(model.passport, field.name)
        for field in dataclasses.fields(model.passport)
        if field.name not in LONG
    }
    counts = {field: len(getattr(model.passport, field)) for field in LONG}
    numbers = {**counts, "parameters": sum(one.numel() for one in model.parameters())}
    return {**{key: plain(value) for key, value in known.items()}, **numbers, "parameters_sha256": weights_hash(model)}


def weights_hash(model: nn.Module) -> str:
    """sha256 over names and bytes of all parameters and buffers, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def plain(value: Any) -> Any:
    """The value as JSON takes it."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
