"""Models and device of a run; all that can fail does so before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

import models


def loaded_models(names: Sequence[str]) -> dict[str, nn.Module]:
    """The models on the CPU, by the names that figures show: of a path the file's name.

    Raises:
        OSError, ValueError: as `models.load_model`; or two models would have one name.
    """
    shown = [Path(name).name if Path(name).is_file() else name for name in names]
    double = sorted({name for name in shown if shown.count(name) > 1})
    if double:
        raise ValueError(f"--models: {', '.join(double)} is given twice; each model needs a name of its own")
    return {label: models.load_model(name) for label, name in zip(shown, names, strict=True)}


def device_of(name: str) -> torch.device:
    """The device; `auto` is the GPU where there is one. TF32 is switched off for the whole process.

    Raises:
        ValueError: there is no such device here.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"--device {name}: expected auto, cpu, cuda or cuda:N") from error
    if device.type not in {"cpu", "cuda"}:
        raise ValueError(f"--device {name}: expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"--device {name}: torch sees {torch.cuda.device_count()} GPUs here; use --device cpu")
    return device
