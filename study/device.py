"""Where models run."""

from __future__ import annotations

import torch


def device_of(name: str) -> torch.device:
    """The device; `auto` is the GPU where there is one. TF32 is switched off for the whole process.

    Args:
        name: auto, cpu, cuda or cuda:N.
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
        raise ValueError(f"device {name}: expected auto, cpu, cuda or cuda:N") from error
    if device.type not in {"cpu", "cuda"}:
        raise ValueError(f"device {name}: expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {name}: torch sees {torch.cuda.device_count()} GPUs here; use cpu")
    return device
