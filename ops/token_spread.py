"""How far apart the tokens of one image lie, and how far apart the images."""

import torch
from jaxtyping import Float
from torch import Tensor

from ._across_images import across_images
from ._precision import full_precision
from .featuremap_variance import featuremap_variance


@across_images
@full_precision
def token_spread(
    tokens: Float[Tensor, "*batch token channel"],
) -> dict[str, Float[Tensor, "*batch"]]:
    """Root mean square distances between the tokens of an image and between images, in units of the tokens.

        within[a]  = sqrt(mean_{i<j} |x[a, i] - x[a, j]|^2)
        between[a] = sqrt(mean_{b != a} |c[a] - c[b]|^2),    c[a] = mean_i x[a, i]

    The numbers behind figure 6 of Park et al.: where self-attention moves all tokens of an image as one (as
    contrastive learning does) it leaves `within` and changes `between`; where it treats each token
    differently (as masked image modelling does) it changes `within`. Compare `before` with `after` of one
    layer, as a ratio, since the stream itself grows. The paper draws clouds and gives no number: the
    definition is ours.

    Args:
        tokens: patch tokens only; the axis before them counts the images.
    Returns:
        `within`, each image by itself, 0 where its tokens are equal; `between`, against the *other images of
        this call*, 0 where all centres are equal, NaN for a single image. So pass all images at once (the
        attribute `token_spread.across_images` says this to callers with batches); for images that come in
        batches `Covariance.distance()` of their mean tokens is the same number over all of them.
    Raises:
        ValueError: fewer than two tokens.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 6.

    >>> token_spread(torch.tensor([[[0.0], [2.0]], [[4.0], [4.0]]]))
    {'within': tensor([2., 0.]), 'between': tensor([3., 3.])}
    """
    # The mean square distance between two of n points is twice their unbiased variance.
    within = (2 * tokens.shape[-1] * featuremap_variance(tokens)).sqrt()
    between = _distance_to_others(tokens.mean(dim=-2)) if tokens.ndim > 2 else torch.full_like(within, torch.nan)
    return {"within": within, "between": between}


def _distance_to_others(centres: Float[Tensor, "*batch image channel"]) -> Float[Tensor, "*batch image"]:
    others = centres.shape[-2] - 1
    if others == 0:
        return centres.new_full(centres.shape[:-1], torch.nan)
    # Not by matrix product, whose rounding would hide distances small beside the centres.
    squares = torch.cdist(centres, centres, compute_mode="donot_use_mm_for_euclid_dist").square()
    return (squares.sum(dim=-1) / others).sqrt()
