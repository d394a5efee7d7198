"""How alike representations are: between heads, between depths and between tokens, over depth.

Claim: in the late layers of contrastive learning heads, depths and tokens are more alike than in masked image
modelling, and more heads or layers do not change that; in masked image modelling larger models have more different
heads.

The paper's values are not known, nor which tensors it took, so every reading has a panel. Heads: cosine of two heads'
outputs (attention times values before the projection) at the same patch, and of their whole attention maps. Depths:
cosine of the residual stream before and after self-attention, and of the stream and what attention adds to it (before
LayerScale). Tokens: cosine of two patches of an image in three tensors, heads' outputs side by side, the stream after
self-attention, the block's output.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 5; the choices are open points O1 to O3 of this project's reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .figures.depth_curves import Panel
from .measuring.depth_experiment import depth_experiment

if TYPE_CHECKING:
    from torch import Tensor

    from .settings import Settings


PANELS = (
    Panel("heads", "Between heads: outputs"),
    Panel("heads_of_maps", "Between heads: attention maps"),
    Panel("depths", "Between depths: before, after attention"),
    Panel("depths_of_branch", "Between depths: before, branch"),
    Panel("tokens_of_heads", "Between tokens: heads' outputs"),
    Panel("tokens_after_attention", "Between tokens: after attention"),
    Panel("tokens_of_block", "Between tokens: block output"),
)


def of_maps(attention: Tensor, *, prefix: int) -> Tensor:
    """Cosine between the attention maps of two heads, among patches, all queries side by side; one value per image."""
    from ops import head_similarity, patch_attention

    return head_similarity(patch_attention(attention, prefix=prefix).flatten(-2).unsqueeze(-2))


def of_branch(before: Tensor, branch: Tensor) -> Tensor:
    """Cosine between a patch's token and what attention adds to it, before LayerScale; one value per image."""
    from ops import depth_similarity

    return depth_similarity(before, branch)


def of_joined_heads(head_outputs: Tensor) -> Tensor:
    """Cosine between two patches, of all heads' outputs side by side; one value per image."""
    from ops import token_similarity

    return token_similarity(head_outputs.transpose(-3, -2).flatten(-2))


def after_attention(after: Tensor) -> Tensor:
    """Cosine between two patches, of the stream after self-attention; one value per image."""
    from ops import token_similarity

    return token_similarity(after)


def metrics(settings: Settings) -> Mapping[str, Callable[..., Any]]:
    """What is measured, for `models.measure`."""
    import ops

    return {
        "heads": ops.head_similarity,
        "heads_of_maps": of_maps,
        "depths": ops.depth_similarity,
        "depths_of_branch": of_branch,
        "tokens_of_heads": of_joined_heads,
        "tokens_after_attention": after_attention,
        "tokens_of_block": ops.token_similarity,
    }


measure, draw = depth_experiment("similarity", "Cosine similarity", PANELS, metrics)
