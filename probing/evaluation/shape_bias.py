"""Whether images that show one thing and feel like another are named by their shape or by their texture."""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ops import resampled_means

from .resampling import percentile_interval


@dataclasses.dataclass(frozen=True)
class ShapeBias:
    """Decisions on conflict images, image by image.

    Attributes:
        shape: where the image was given the class of its shape.
        texture: where it was given the class of its texture.
    """

    shape: Bool[Tensor, " image"]
    texture: Bool[Tensor, " image"]

    @property
    def neither(self) -> Bool[Tensor, " image"]:
        """Where it was given any other class."""
        return ~self.decided

    @property
    def decided(self) -> Bool[Tensor, " image"]:
        """Where it was given one of the two."""
        return self.shape | self.texture

    @property
    def bias(self) -> float:
        """Share of shape among the decisions for shape or texture: 1 all by shape, 0 all by texture.

        NaN where there is no such decision at all.
        """
        decided = int(self.decided.sum())
        return int(self.shape.sum()) / decided if decided else float("nan")

    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the bias: images are drawn, decided or not, and the share computed anew.

        NaN where too few decisions are for shape or texture; see `percentile_interval`. Where all decisions are alike
        both ends are the bias itself, which says nothing of how sure it is: look at the number of decisions.
        """
        images = len(self.shape)
        if images < 2:
            return float("nan"), float("nan")
        low, high = percentile_interval(_draws(self), images=images)
        return low.item(), high.item()


def shape_bias(
    decisions: Int[Tensor, " image"], shape: Int[Tensor, " image"], texture: Int[Tensor, " image"]
) -> ShapeBias:
    """Of images with conflicting cues, which were named by their shape, by their texture, or by neither.

        bias = #(decision = shape) / #(decision = shape or decision = texture),    over images with shape != texture

    Args:
        decisions: the class that each image was given.
        shape: class of its shape.
        texture: class of its texture; images whose two classes are the same are left out.
    Raises:
        ValueError: lengths differ, or no image has a conflict.
    Source: Geirhos et al. 2019 (arXiv:1811.12231), section 3.

    >>> found = shape_bias(torch.tensor([0, 1, 5, 0, 2]), torch.tensor([0, 0, 0, 0, 2]), torch.tensor([1, 1, 1, 2, 2]))
    >>> found.bias, int(found.neither.sum()), len(found.shape)
    (0.6666666666666666, 1, 4)
    """
    if not len(decisions) == len(shape) == len(texture):
        raise ValueError(
            f"{len(decisions)} decisions, {len(shape)} shapes and {len(texture)} textures; expected one for each image"
        )
    conflict = shape != texture
    if not conflict.any():
        raise ValueError(f"none of {len(shape)} images has a shape that differs from its texture: nothing to decide")
    return ShapeBias(shape=(decisions == shape)[conflict], texture=(decisions == texture)[conflict])


def bias_difference(first: ShapeBias, second: ShapeBias) -> tuple[float, float, float]:
    """(difference, low, high) of two models' bias on the same images: a 95 % interval without 0 is a paired test.

    Raises:
        ValueError: they are not of the same number of images.
    """
    if len(first.shape) != len(second.shape):
        raise ValueError(f"{len(first.shape)} and {len(second.shape)} images; expected the same images for both models")
    low, high = percentile_interval(_draws(first) - _draws(second), images=len(first.shape))
    return first.bias - second.bias, low.item(), high.item()


def _draws(found: ShapeBias) -> Tensor:
    shape, decided = resampled_means(torch.stack([found.shape, found.decided], dim=1).double()).unbind(dim=1)
    return shape / decided
