"""Changing what a module of the encoder gives on, without writing the encoder's forward pass again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from torch import Tensor, nn


@contextlib.contextmanager
def output_through(module: nn.Module, function: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """While open, the module's output goes through a function; afterwards the module is as before."""
    handle = module.register_forward_hook(lambda module, inputs, output: function(output))
    try:
        yield
    finally:
        handle.remove()
