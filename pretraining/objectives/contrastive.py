"""MoCo-v3's contrastive loss and the small networks before it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ._precision import at_least_float32
from ._processes import gathered, process_rank
from .synced_batch_norm import SyncedBatchNorm1d


def contrastive_loss(
    queries: Float[Tensor, "batch channel"], keys: Float[Tensor, "batch channel"], *, temperature: float
) -> Float[Tensor, ""]:
    """InfoNCE of each query against the keys of all processes, times twice the temperature.

        2 T mean_i -log( exp(q_i . k_i / T) / sum_j exp(q_i . k_j / T) ),  |q_i| = |k_j| = 1

    Args:
        queries: row i belongs to row i of the keys.
        keys: no gradient flows through them.
    Returns:
        2 T ln(n) where all n keys are alike; towards 0 or below nothing: never negative.
    Source: Chen et al. 2021 (arXiv:2104.02057), algorithm 1.
    """
    with torch.autocast(queries.device.type, enabled=False):
        queries = F.normalize(at_least_float32(queries), dim=1)
        keys = gathered(F.normalize(at_least_float32(keys), dim=1))
        logits = queries @ keys.T / temperature
        own = torch.arange(len(queries), device=queries.device) + len(queries) * process_rank()
        return F.cross_entropy(logits, own) * (2 * temperature)


def crossed_loss(
    queries: tuple[Tensor, Tensor], keys: tuple[Tensor, Tensor], *, temperature: float
) -> Float[Tensor, ""]:
    """Sum of the losses of each view's queries against the other view's keys."""
    first = contrastive_loss(queries[0], keys[1], temperature=temperature)
    return first + contrastive_loss(queries[1], keys[0], temperature=temperature)


def projector(width: int, hidden: int, dim: int) -> nn.Sequential:
    """Three linear layers, each with batch normalisation, the last one without weight and bias."""
    return nn.Sequential(*_hidden(width, hidden), *_hidden(hidden, hidden), *_output(hidden, dim))


def predictor(hidden: int, dim: int) -> nn.Sequential:
    """Two linear layers, each with batch normalisation, from and to the projector's output."""
    return nn.Sequential(*_hidden(dim, hidden), *_output(hidden, dim))


def _hidden(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs, bias=False), SyncedBatchNorm1d(outputs), nn.ReLU(inplace=True)


def _output(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs, bias=False), SyncedBatchNorm1d(outputs, affine=False)
