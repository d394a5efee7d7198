"""Looking at a network in the middle of its training without a trace."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients inside; afterwards the modes of all modules and torch's random states are as before.

    Gradients that wait for the optimiser stay where they are.
    """
    modes = {module: module.training for module in network.modules()}
    cuda = sorted({p.device.index for p in network.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=cuda), torch.no_grad():
        network.eval()
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
