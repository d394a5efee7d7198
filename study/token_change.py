"""What one self-attention does to distances: within each image, and between the images."""

from __future__ import annotations

from torch import Tensor

from ops import token_spread


def spread_change(before: Tensor, after: Tensor) -> dict[str, Tensor]:
    """Ratios of `token_spread` after one self-attention to before, without unit; a metric for `models.measure`.

        within = spread of an image's tokens after / before,    between = the same of the images' mean tokens

    Above 1, attention drives them apart; below 1, together. Contrastive learning is expected to change `between` more
    (it moves all tokens of an image as one), masked image modelling `within`.

    Args:
        before: (image token channel), the residual stream that enters the block, patch tokens only.
        after: the same after the attention is added.
    Returns:
        `within` and `between`, one value per image; `between` compares with the other images of the same batch, so
        pass all images as one batch. NaN for a batch of one image, and where the spread is 0.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 6, which shows clouds and gives no number; the ratio is ours.
    """
    was, became = token_spread(before), token_spread(after)
    return {name: became[name] / was[name] for name in was}


spread_change.across_images = True  # as `token_spread`: `measure` takes it with all images in one batch only
