"""Cosine similarities between heads, between depths and between tokens (Park et al. 2023, fig. 5).

No code of that figure was published and its caption leaves the tensors open, so each function states its
own: which tensor, cosine over which axis, mean over which axes and in which order. The mean over all pairs
costs one sum instead of one product for each pair:

    mean_{i<j} cos(x_i, x_j) = (|sum_i u_i|^2 - m) / (n (n - 1)),    u_i = x_i / |x_i|

of n vectors, m of which are not zero.

A zero vector has no direction: its cosine with anything counts as 0, in the mean as in the number of pairs.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ._precision import full_precision
from ._shapes import require_axes, require_same_shape


@full_precision
def head_similarity(head_outputs: Float[Tensor, "*batch head token channel"]) -> Float[Tensor, "*batch"]:
    """Mean cosine between what two heads of one layer say about the same token, without unit.

        similarity = mean_token mean_{g<h} cos(head_outputs[g, token], head_outputs[h, token])

    Cosine over the channels of a head, then mean over head pairs, then over tokens; each image by itself.

    Args:
        head_outputs: attention times values before the output projection, patch tokens only.
    Returns:
        1 where all heads agree, 0 where they are orthogonal, at least -1 / (heads - 1).
    Raises:
        ValueError: fewer than two heads, or no token.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 5 left. The choice of tensor is ours (the caption says
        "representations from two heads"; the official model exports this one).

    >>> agree = torch.tensor([[3.0, 4.0]]).expand(2, 1, 2)
    >>> round(head_similarity(agree).item(), 6)
    1.0
    """
    require_axes("head_outputs", head_outputs, "head token channel", cure="keep the head axis, do not merge it")
    heads = head_outputs.shape[-3]
    if heads < 2:
        raise ValueError(
            f"head_outputs has {heads} head in shape {tuple(head_outputs.shape)}; a similarity between heads "
            f"needs at least 2. Axes are (*batch, head, token, channel): keep the head axis, do not merge it."
        )
    _require_tokens("head_outputs", head_outputs, least=1)
    return _mean_pair_cosine(head_outputs.movedim(-3, -2)).mean(dim=-1)


@full_precision
def depth_similarity(
    before: Float[Tensor, "*batch token channel"], after: Float[Tensor, "*batch token channel"]
) -> Float[Tensor, "*batch"]:
    """Mean cosine between a token before and after one self-attention, without unit.

        similarity = mean_token cos(before[token], after[token])

    Cosine over channels, then mean over tokens; each image by itself.

    Args:
        before: residual stream that enters the block, patch tokens only.
        after: residual stream after the attention branch was added; or the branch's own output, to compare
            what attention adds with what it found.
    Returns:
        1 where attention keeps every direction, 0 where it turns each by a right angle, -1 where it flips it.
    Raises:
        ValueError: no token, or unequal shapes.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 5 middle. The residual stream is our choice.

    >>> before = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> depth_similarity(before, torch.tensor([[0.0, 1.0], [0.0, 5.0]]))
    tensor(0.5000)
    """
    _require_tokens("before", before, least=1)
    require_same_shape(before=before, after=after)
    directions = before / _nonzero(_norms(before)), after / _nonzero(_norms(after))
    return torch.linalg.vecdot(*directions).mean(dim=-1)


@full_precision
def token_similarity(tokens: Float[Tensor, "*batch token channel"]) -> Float[Tensor, "*batch"]:
    """Mean cosine between two tokens of one image, without unit.

        similarity = mean_{i<j} cos(tokens[i], tokens[j])

    Cosine over channels, then mean over all pairs of different tokens; each image by itself.

    Args:
        tokens: patch tokens only. The caption of the paper's figure does not say of which tensor: the
            residual stream and the head outputs with heads concatenated are both in use, so name yours.
    Returns:
        1 where all tokens point one way, 0 where they are orthogonal, at least -1 / (tokens - 1).
    Raises:
        ValueError: fewer than two tokens.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 5 right.

    >>> token_similarity(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 3.0]]))
    tensor(0.3333)
    """
    _require_tokens("tokens", tokens, least=2)
    return _mean_pair_cosine(tokens)


def _mean_pair_cosine(vectors: Float[Tensor, "*batch vector channel"]) -> Float[Tensor, "*batch"]:
    norms = _norms(vectors)
    total = (vectors / _nonzero(norms)).sum(dim=-2)
    count = vectors.shape[-2]
    return (torch.linalg.vecdot(total, total) - norms.count_nonzero(dim=(-2, -1))) / (count * (count - 1))


def _norms(vectors: Float[Tensor, "*batch channel"]) -> Float[Tensor, "*batch 1"]:
    """Euclidean norms; squared in float64, so that float32 vectors neither overflow nor vanish."""
    return torch.linalg.vector_norm(vectors, dim=-1, keepdim=True, dtype=torch.float64).to(vectors.dtype)


def _nonzero(norms: Tensor) -> Tensor:
    """`norms` with the smallest positive number of the dtype for 0, which leaves zero vectors as they are."""
    return norms.clamp_min(torch.finfo(norms.dtype).smallest_normal)


def _require_tokens(name: str, tokens: Tensor, *, least: int) -> None:
    require_axes(name, tokens, "token channel", cure="pass all patch tokens, not a pooled vector")
    count = tokens.shape[-2]
    if count < least:
        raise ValueError(
            f"{name} has {count} token{'s' * (count != 1)} in shape {tuple(tokens.shape)}; the mean needs at "
            f"least {least}. Axes end in (token, channel): pass all patch tokens, not a pooled vector."
        )
