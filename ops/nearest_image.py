"""Of which image the nearest token is: whether tokens gather by image."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ._precision import full_precision
from ._shapes import require_axes


@full_precision
def nearest_image(
    tokens: Float[Tensor, "image token channel"], *, others: bool = False
) -> Int64[Tensor, "image token"]:
    """Number of the image that the nearest other token of each token belongs to (Euclidean, ties to the first).

        nearest[a, i] = b of min over (b, j) != (a, i) of |x[a, i] - x[b, j]|

    In the representation itself, not in a plane that t-SNE made of it. The mean over i of (nearest[a, i] == a) is the
    purity of image a: 1 where its tokens lie among themselves. Tokens without structure have the purity
    (N - 1) / (images N - 1) in the mean, for N tokens of each image.

    Args:
        tokens: patch tokens only. Memory beside them: distances of one image's tokens to all.
        others: look among the tokens of other images only.
    Returns:
        Numbers from 0, on the device of the tokens.
    Raises:
        ValueError: fewer than two tokens in all, or, among others, fewer than two images.
    Source: our number for what Park et al. 2023 (arXiv:2305.00729), fig. E.2, shows as a t-SNE: tokens of contrastive
        learning form a cluster for each image, those of masked image modelling mix.

    >>> nearest_image(torch.tensor([[[0.0], [1.0]], [[1.5], [9.0]]]))
    tensor([[0, 1],
            [0, 1]])
    """
    require_axes("tokens", tokens, "image token channel", leading=False)
    images, count, channels = tokens.shape
    if images < 2 and (others or count < 2):
        raise ValueError(f"tokens of {images} image with {count} tokens; expected other tokens to look among")
    points = tokens.reshape(-1, channels)
    own = torch.arange(count, device=tokens.device)
    nearest = []
    for number, image in enumerate(tokens):
        # Not by matrix product, whose rounding would hide distances small beside the tokens.
        distances = torch.cdist(image, points, compute_mode="donot_use_mm_for_euclid_dist")
        if others:
            distances[:, number * count : (number + 1) * count] = torch.inf
        else:
            distances[own, number * count + own] = torch.inf
        nearest.append(distances.argmin(dim=1) // count)
    return torch.stack(nearest)
