"""How large the attention branch is beside the stream it is added to ("Beyond [cls]")."""

import torch
from jaxtyping import Float
from torch import Tensor

from ._patch_rows import require_class_token
from ._precision import full_precision
from ._shapes import require_axes, require_same_shape


@full_precision
def attention_magnitudes(
    before: Float[Tensor, "*batch token channel"],
    branch: Float[Tensor, "*batch token channel"],
    *,
    prefix: int = 1,
    class_tokens: int = 1,
    epsilon: float = 1e-6,
) -> dict[str, Float[Tensor, "*batch"]]:
    """Length of the attention output over the length of the token it is added to, a ratio without unit.

        magnitude[token] = |branch[token]| / (|before[token]| + epsilon)

    Args:
        before: residual stream that enters the block, prefix tokens first.
        branch: output of the attention branch after its projection and before LayerScale, in the same
            order. Multiply it by LayerScale's gamma for what is really added.
        prefix: number of class and register tokens in front; the first of them is the class token.
        class_tokens: how many of them are class tokens, which come first; only token 0 is measured.
        epsilon: added to the length of the token.
    Returns:
        `cls_magnitude` of the class token and `pos_magnitude`, the mean over patches (registers in neither);
        0 where attention adds nothing, above 1 where it outweighs what is there.
    Raises:
        ValueError: no class token (prefix or class_tokens below 1; the metric compares it with the patches, so that
            neither half is given without it), no patch behind the prefix, or unequal shapes.
    Source: Przewięźlikowski et al. 2025 (arXiv:2412.03215), released attention statistics.

    >>> before = torch.tensor([[2.0, 0.0], [0.0, 4.0]])
    >>> branch = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    >>> attention_magnitudes(before, branch, epsilon=0.0)
    {'cls_magnitude': tensor(0.5000), 'pos_magnitude': tensor(0.2500)}
    """
    require_axes("before", before, "token channel")
    require_same_shape(before=before, branch=branch)
    count = before.shape[-2]
    if not 1 <= prefix < count:
        raise ValueError(
            f"prefix={prefix} with {count} tokens; expected 1 to {count - 1}: a class token in front and at "
            f"least one patch behind. Pass all tokens; a model without class token has no such metric."
        )
    require_class_token(class_tokens, prefix, cure="the magnitudes compare it with the patches: leave them out here")
    ratio = torch.linalg.vector_norm(branch, dim=-1) / (torch.linalg.vector_norm(before, dim=-1) + epsilon)
    return {"cls_magnitude": ratio[..., 0], "pos_magnitude": ratio[..., prefix:].mean(dim=-1)}
