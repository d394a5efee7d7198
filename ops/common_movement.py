"""Whether a self-attention moves the tokens of an image together or each its own way."""

from jaxtyping import Float
from torch import Tensor

from ._precision import full_precision
from ._shapes import require_same_shape


@full_precision
def common_movement(
    before: Float[Tensor, "*batch token channel"], after: Float[Tensor, "*batch token channel"]
) -> Float[Tensor, "*batch"]:
    """Share of the tokens' movement that all tokens of an image make together, without unit.

        u[i] = after[i] - before[i],    common = |mean_i u[i]|^2 / mean_i |u[i]|^2

    The rest of it, 1 - common, is what each token does beyond that. Biases of values and projection are part of the
    movement and the same for all tokens.

    Args:
        before: residual stream that enters the block, patch tokens only.
        after: the same after the attention is added.
    Returns:
        1 where all tokens are moved by the same vector (a cloud that shifts and keeps its form); 1/N in the mean where
        N tokens are moved independently; 0 where the movements cancel; NaN where nothing moves.
    Raises:
        ValueError: unequal shapes.
    Source: our number for what Park et al. 2023 (arXiv:2305.00729), fig. 6, shows as clouds: contrastive learning
        moves all tokens of an image in unison, masked image modelling each differently.

    >>> import torch
    >>> common_movement(torch.zeros(2, 2), torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
    tensor(0.5000)
    """
    require_same_shape(before=before, after=after)
    moved = after.double() - before.double()
    share = moved.mean(dim=-2).square().sum(dim=-1) / moved.square().sum(dim=-1).mean(dim=-1)
    return share.to(before.dtype)
