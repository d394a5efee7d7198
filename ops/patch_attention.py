"""Patch attention: the step that the attention metrics share, as a map to look at."""

from jaxtyping import Float
from torch import Tensor

from ._patch_rows import patch_weights
from ._precision import full_precision
from ._row_logarithms import smallest_weight


@full_precision
def patch_attention(
    attention: Float[Tensor, "*batch head query key"], *, prefix: int = 1, epsilon: float = 0.0
) -> Float[Tensor, "*batch head patch patch"]:
    """Attention among patches as shares: prefix rows and columns dropped, rows renormalised to sum 1.

        share[q, k] = (attention[q, k] + epsilon) / sum_k (attention[q, k] + epsilon)

    Args:
        attention: softmax weights, prefix tokens first.
        prefix: number of class and register tokens in front.
        epsilon: added first. Park et al. use 1e-32 for the distance, 1e-8 for NMI and 0 for pictures.
    Returns:
        Between 0 and 1; float32 for half precision, else the dtype of the attention. A query without weight
        on any patch (less than the dtype's smallest normal number) becomes uniform, 1 / N: the limit of a
        small epsilon.
    Raises:
        ValueError: prefix and attention do not fit together, or epsilon is negative.
    Source: Park et al. 2023 (arXiv:2305.00729), the code of its notebooks.

    >>> import torch
    >>> patch_attention(torch.tensor([[[0.2, 0.4, 0.4], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]]))
    tensor([[[1.0000, 0.0000],
             [0.5000, 0.5000]]])
    """
    if epsilon < 0:
        raise ValueError(f"epsilon={epsilon} is negative; expected 0 or a small positive number such as 1e-8")
    weights, patch_queries = patch_weights(attention, slice(0, attention.shape[-1]), prefix)
    return as_shares(weights[..., patch_queries, :] + epsilon)


def as_shares(weights: Float[Tensor, "*batch patch"]) -> Float[Tensor, "*batch patch"]:
    """Weights over patches divided by their sum; uniform where there is none."""
    mass = weights.sum(-1, keepdim=True)
    empty = mass < smallest_weight(weights)
    return (weights / mass.masked_fill(empty, 1)).masked_fill(empty, 1 / weights.shape[-1])
