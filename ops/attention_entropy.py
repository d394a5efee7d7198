"""Attention entropy: over how many patches a query spreads its attention."""

from jaxtyping import Float
from torch import Tensor

from ._found import Found
from ._over_queries import only_feature, over_queries
from ._patch_rows import patch_weights
from ._precision import full_precision
from ._row_logarithms import patch_row_entropy


@full_precision
def _sums(
    attention: Tensor,
    *,
    queries: slice,
    prefix: int,
    logits: Tensor | None = None,
    found: Found = None,
    spare: Tensor | None = None,
) -> Tensor:
    weights, patch_queries = patch_weights(attention, queries, prefix)
    entropy, _, _ = patch_row_entropy(attention, prefix, logits, found, spare)
    return entropy[..., patch_queries].sum(-1, keepdim=True) / weights.shape[-1]


@over_queries(_sums, only_feature)
def attention_entropy(
    attention: Float[Tensor, "*batch head query key"], *, prefix: int = 1
) -> Float[Tensor, "*batch head"]:
    """Mean entropy of a patch query's attention over patch keys, in nats.

        entropy[h] = - mean_q sum_k a[h, q, k] ln a[h, q, k],  rows of a renormalised over patches

    No epsilon; a query without weight on any patch counts as uniform, unless the logits are at hand (as they
    are to `models.measure`), from which it is what it was before its weights became zero: float32 has none below
    1e-45, and few digits of those below 1e-38. `class_attention_statistics` has the class token's entropy, and
    Beyond [cls]'s with its epsilon.

    Args:
        attention: softmax weights, prefix tokens first; rows sum to 1 (not checked).
        prefix: number of class and register tokens in front.
    Returns:
        0 where every query attends to one patch; ln N for uniform attention (5.278 for 196 patches).
    Raises:
        ValueError: prefix and attention do not fit together.
    Source: Shannon's; Przewięźlikowski et al. 2025 (arXiv:2412.03215) for its use on attention rows.

    >>> import torch
    >>> attention_entropy(torch.full((1, 2, 2), 0.5), prefix=0)  # ln 2
    tensor([0.6931])
    """
    return only_feature(_sums(attention, queries=slice(0, attention.shape[-1]), prefix=prefix))
