"""What a tap checks on its first batch before anybody believes its numbers."""

from __future__ import annotations

import torch
from torch import Tensor

SAMPLE = 16  # queries of the first image that are checked; an error of the method shows in any of them
LAYER_SCALE_SLACK = 1e-2  # relative; a wrong tensor is off by its own size


def require_rows_of_one(weights: Tensor, where: str) -> None:
    """Raise ValueError unless each query's weights sum to 1 (NaN inputs are passed on as NaN)."""
    error = (weights[:1, :, :SAMPLE].sum(-1) - 1).abs().max()
    if error > _tolerance(weights.dtype):
        raise ValueError(
            f"{where}: attention rows do not sum to 1 (off by {error:.2g}), so this softmax is not over all keys: "
            "this kind of attention cannot be tapped"
        )


def require_same_output(expected: Tensor, used: Tensor, where: str) -> None:
    """Raise ValueError unless A V equals what the block really used.

    Args:
        expected: (1 head query channel) A V from the tapped weights.
        used: the same rows as the block got them.
    """
    if expected.shape != used.shape:
        raise ValueError(
            f"{where}: A V has shape {tuple(expected.shape)} but the block used {tuple(used.shape)}: "
            "this attention is not softmax(q k^T) v per head"
        )
    error = (expected.to(used.dtype) - used).abs().max()
    size = used.abs().max()
    if error > _tolerance(used.dtype) * torch.clamp(size, min=1):
        raise ValueError(
            f"{where}: A V differs from what the block used by {error:.2g} (values up to {size:.2g}): the weights are "
            "changed between softmax and A V (dropout? then call model.eval(); heads that are mixed? not tappable)"
        )


def require_residual(before: Tensor, branch: Tensor, after: Tensor, where: str) -> None:
    """Raise ValueError unless after = before + gamma * branch for one gamma per channel (LayerScale or 1).

    The channels' gamma drops out of delta[t0] * branch[t1] = delta[t1] * branch[t0] for two tokens t0, t1.
    """
    if not before.shape == branch.shape == after.shape:
        shapes = [tuple(tensor.shape) for tensor in (before, branch, after)]
        raise ValueError(f"{where}: the residual stream changes its shape inside the block: {shapes}")
    base, addition = before[0].double(), branch[0].double()
    delta = after[0].double() - base
    others = torch.arange(len(delta), device=delta.device).roll(1)
    error = (delta * addition[others] - delta[others] * addition).abs().max()
    rounding = 8 * torch.finfo(after.dtype).eps * base.abs().max()
    limit = (LAYER_SCALE_SLACK * delta.abs().max() + rounding) * addition.abs().max()
    if error > limit:
        raise ValueError(
            f"{where}: the stream in front of the second norm is not the block's input plus its attention branch "
            "(a post-norm or parallel block?): leave out points 'after_attention' and 'attention_branch'"
        )


def _tolerance(dtype: torch.dtype) -> float:
    return {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 1e-2}.get(dtype, 5e-2)
