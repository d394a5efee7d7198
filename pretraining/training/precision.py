"""Half precision: where it is used, and what makes it pay."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import timm.layers
import torch
from torch import nn

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Forward passes in bfloat16 or float16 where torch deems it safe; "float32" changes nothing."""
    dtype = DTYPES[precision]
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """Keeps float16 gradients from vanishing; does nothing in other precisions."""
    return torch.amp.GradScaler(device.type, enabled=precision == "float16")


@contextlib.contextmanager
def attention_that_pays(device: torch.device, precision: str) -> Iterator[None]:
    """Models built inside have the attention whose gradient is fast here.

    On a CPU the backward pass of torch's fused attention is five times slower in half precision than in float32;
    two matrix products and a softmax are not.
    """
    before = bool(timm.layers.use_fused_attn())
    slow = device.type == "cpu" and precision != "float32"
    timm.layers.set_fused_attn(before and not slow)
    try:
        yield
    finally:
        timm.layers.set_fused_attn(before)


def checkpoint_activations(objective: nn.Module) -> None:
    """Trade time for memory: blocks are computed again in the backward pass (timm's own switch)."""
    for module in objective.children():
        switch = getattr(module, "set_grad_checkpointing", None)
        if switch is not None:
            switch(True)
