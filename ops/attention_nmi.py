"""Attention NMI: how much the choice of the query says about the keys attended to."""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from ._conventions import unknown_convention
from ._found import Found
from ._over_queries import over_queries
from ._patch_rows import patch_weights
from ._precision import full_precision
from ._row_logarithms import patch_row_entropy, row_entropy, smallest_weight

NmiConvention = Literal["park2023", "exact"]
CONVENTIONS = get_args(NmiConvention)
PARK_EPSILON = 1e-8  # the official notebook's, added to every weight before the row is renormalised
RESOLUTION = 8  # roundings: an entropy of the keys below this many is zero, and nothing can be shared


@full_precision
def _sums(
    attention: Tensor,
    *,
    queries: slice,
    prefix: int,
    convention: str,
    logits: Tensor | None = None,
    found: Found = None,
    spare: Tensor | None = None,
) -> Tensor:
    """First feature: mean entropy of the queries' rows; the others: p(key), mean of the rows."""
    if convention not in CONVENTIONS:
        raise unknown_convention(convention, CONVENTIONS)
    weights, patch_queries = patch_weights(attention, queries, prefix)
    if convention == "park2023":
        epsilon = PARK_EPSILON
        entropy, mass = row_entropy(weights, epsilon)
    else:
        epsilon = smallest_weight(weights)
        entropy, mass, weights = patch_row_entropy(attention, prefix, logits, found, spare)
    scale = mass[..., patch_queries].reciprocal()
    keys = (scale.unsqueeze(-2) @ weights[..., patch_queries, :]).squeeze(-2)
    keys = keys + epsilon * scale.sum(-1, keepdim=True)
    return torch.cat((entropy[..., patch_queries].sum(-1, keepdim=True), keys), -1) / weights.shape[-1]


def _finish(total: Tensor, **_options: object) -> Tensor:
    query_entropy = math.log(total.shape[-1] - 1)
    keys = total[..., 1:]
    keys = (keys / keys.sum(-1, keepdim=True)).clamp_min(smallest_weight(total))
    key_entropy = -(keys * keys.log()).sum(-1)
    information = key_entropy - total[..., 0]
    nothing_to_share = key_entropy * query_entropy <= RESOLUTION * torch.finfo(total.dtype).eps
    nmi = information / (key_entropy * query_entropy).masked_fill(nothing_to_share, 1).sqrt()
    return nmi.masked_fill(nothing_to_share, 0).clamp(0, 1)


@over_queries(_sums, _finish)
def attention_nmi(
    attention: Float[Tensor, "*batch head query key"],
    *,
    prefix: int = 1,
    convention: NmiConvention = "park2023",
) -> Float[Tensor, "*batch head"]:
    """Normalised mutual information of query and key patches, without unit.

        NMI = I(q; k) / sqrt(H(q) H(k)),  I = sum_qk p(q) a[q, k] ln(a[q, k] / p(k)),  p(q) = 1 / N

    Conventions, both with rows renormalised over patch keys:
    "park2023": 1e-8 added to each weight first, which flattens maps: up to 0.08 less on sharp ones, far more
    where prefix tokens take nearly all the weight;
    "exact": no epsilon; a query without weight on any patch counts as uniform (float32 has no weights below
    1e-45, and few digits of those below 1e-38: a softmax in float64 has).
    Half precision is measured in float32 (1e-8 is zero in float16). An H(k) of zero to within rounding, all
    queries on one key, gives 0 in both: such a map does not depend on the query.

    Args:
        attention: softmax weights, prefix tokens first; rows sum to 1 (not checked).
        prefix: number of class and register tokens in front.
        convention: whose definition.
    Returns:
        0 where all queries attend alike (uniform, or collapsed on some keys); 1 where each patch attends to
        one patch of its own (identity, any permutation). Rounding is clipped to this range.
    Raises:
        ValueError: prefix and attention do not fit together, or the convention is not known.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 4, after Strehl and Ghosh 2003.

    >>> import torch
    >>> attention_nmi(torch.eye(4)[None], prefix=0, convention="exact")
    tensor([1.])
    """
    queries = slice(0, attention.shape[-1])
    return _finish(_sums(attention, queries=queries, prefix=prefix, convention=convention))
