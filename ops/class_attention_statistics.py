"""Class attention statistics of Beyond [cls]: what class token and patches attend to."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ._conventions import unknown_convention
from ._over_queries import over_queries
from ._patch_rows import first_patch, patch_weights, require_class_token
from ._precision import full_precision
from ._row_logarithms import exact_row_entropy, row_logarithms

ClassConvention = Literal["beyond-cls", "exact"]
EPSILONS = {"beyond-cls": 1e-6, "exact": 0.0}  # added to the patch mass, and inside the entropy's logarithm
STATISTICS = (
    "cls_cls_attention",
    "pos_self_attention",
    "cls_cls_attention_adj_for_cls",
    "pos_self_attention_adj_for_cls",
    "cls_pos_attention",
    "pos_cls_attention",
    "cls_pos_entropy",
    "pos_pos_entropy",
)


@full_precision
def _sums(attention: Tensor, *, queries: slice, prefix: int, convention: str, class_tokens: int = 1) -> Tensor:
    """One feature for each of `STATISTICS`; the class row and each patch row add their part."""
    if convention not in EPSILONS:
        raise unknown_convention(convention, EPSILONS)
    require_class_token(class_tokens, prefix, cure="these statistics are of models with one, as token 0")
    weights, patch = patch_weights(attention, queries, prefix)
    to_class = attention[..., 0]
    count = weights.shape[-1]
    mass = weights.sum(-1)
    share = mass + EPSILONS[convention]
    entropy = _entropy(weights, share, mass, EPSILONS[convention])

    itself = weights[..., patch, :].diagonal(first_patch(queries, prefix), dim1=-2, dim2=-1)
    adjusted = torch.where(share[..., patch] == 0, 1 / count, itself / share[..., patch])
    of_patches = torch.stack((itself, adjusted, to_class[..., patch], entropy[..., patch]), -1)
    row = slice(0, 1 if queries.start == 0 else 0)
    ratio = to_class[..., row] / share[..., row]
    of_class = torch.stack((to_class[..., row], ratio, mass[..., row] / count, entropy[..., row]), -1)
    return torch.stack((of_class.sum(-2), of_patches.sum(-2) / count), -1).flatten(-2)


def _entropy(weights: Tensor, share: Tensor, mass: Tensor, epsilon: float) -> Tensor:
    """-sum_k p_k ln(p_k + epsilon) with p_k = weights_k / share, without a divided copy of the map.

    ln(p + epsilon) = ln(1 + weights / (epsilon share)) + ln epsilon: log1p takes 3/4 of the time of log.
    """
    if epsilon == 0:
        return exact_row_entropy(weights)[0]
    return -(row_logarithms(weights, 1 / (epsilon * share)) + mass * math.log(epsilon)) / share


def _finish(total: Tensor, **_options: object) -> dict[str, Tensor]:
    return dict(zip(STATISTICS, total.unbind(-1), strict=True))


@over_queries(_sums, _finish)
def class_attention_statistics(
    attention: Float[Tensor, "*batch head query key"],
    *,
    prefix: int = 1,
    class_tokens: int = 1,
    convention: ClassConvention = "beyond-cls",
) -> dict[str, Float[Tensor, "*batch head"]]:
    """Eight means over one map's queries: shares of attention, ratios of shares, and entropies in nats.

    With a = attention, class token c, patches i and j, N of them, and m[q] = sum_j a[q, j]:

        cls_cls_attention               a[c, c]
        pos_self_attention              mean_i a[i, i]
        cls_cls_attention_adj_for_cls   a[c, c] / (m[c] + epsilon)
        pos_self_attention_adj_for_cls  mean_i a[i, i] / (m[i] + epsilon)
        cls_pos_attention               mean_j a[c, j]
        pos_cls_attention               mean_i a[i, c]
        cls_pos_entropy                 - sum_j p[c, j] ln(p[c, j] + epsilon),  p = a / (m + epsilon)
        pos_pos_entropy                 mean_i - sum_j p[i, j] ln(p[i, j] + epsilon)

    Conventions: "beyond-cls" has epsilon = 1e-6; "exact" has none, and a query without weight on any patch
    counts as uniform over them (float32 has no weights below 1e-45, and few digits of those below 1e-38).

    Args:
        attention: softmax weights, class token first, then registers, then patches; rows sum to 1 (not
            checked).
        prefix: number of class and register tokens; at least 1. Registers count as neither class nor patch.
        class_tokens: how many of them are class tokens, which come first. Only token 0 is measured: the second
            one of distilled models counts as a register.
        convention: whose definition.
    Returns:
        The eight by name. `cls_cls_attention_adj_for_cls` is a ratio, not a share: with `prefix=1` it is
        a / (1 - a), and where the class token attends to itself alone it is 1e6 ("beyond-cls") or infinite
        ("exact"). `cls_pos_attention` is a mean: N times it is the share that goes to patches. The entropies
        lie between 0 and ln N (5.278 for 196 patches).
    Raises:
        ValueError: no class token, prefix and attention do not fit, or the convention is not known.
    Source: Przewięźlikowski et al. 2025 (arXiv:2412.03215) and its code, which logs these names.

    >>> import torch
    >>> statistics = class_attention_statistics(torch.full((1, 5, 5), 0.2), convention="exact")
    >>> statistics["cls_cls_attention_adj_for_cls"]  # 0.2 / 0.8
    tensor([0.2500])
    """
    queries = slice(0, attention.shape[-1])
    options = {"prefix": prefix, "convention": convention, "class_tokens": class_tokens}
    return _finish(_sums(attention, queries=queries, **options))
