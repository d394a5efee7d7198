"""The door of every op: no gradients, no autocast, nothing narrower than float32."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def full_precision(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """`function` with detached arguments, half precision widened to float32, and autocast switched off.

    Autocast would send matrix products back to half precision, in which log, variance and cosines lose
    two to three digits; float32 and float64 arguments keep their dtype.
    """

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        positional = [_widened(value) for value in args]
        named = {name: _widened(value) for name, value in kwargs.items()}
        device = next((v.device.type for v in (*positional, *named.values()) if isinstance(v, Tensor)), "cpu")
        if not torch.is_grad_enabled() and not torch.is_autocast_enabled(device):
            return function(*positional, **named)  # pyright: ignore[reportCallIssue]
        with torch.no_grad(), torch.autocast(device, enabled=False):
            return function(*positional, **named)  # pyright: ignore[reportCallIssue]

    return call


def _widened(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    if value.is_floating_point() and torch.finfo(value.dtype).bits < 32:
        return value.detach().float()
    return value.detach()
