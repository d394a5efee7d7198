"""SimMIM's parts: mask tokens in the place of patches, and the loss on the masked pixels."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from study.processes import mean_over_processes

from ..encoder import Encoder
from ._hook import output_through
from ._precision import at_least_float32

EPSILON = 1e-5  # in the loss: an image without mask gives 0 and not NaN
COLOURS = 3


def add_mask_token(encoder: Encoder) -> None:
    """Give the encoder the token that stands for masked patches, under its official name."""
    encoder.mask_token = nn.Parameter(torch.zeros(1, 1, encoder.embed_dim))


def masked_tokens(
    encoder: Encoder, images: Float[Tensor, "batch colour height width"], mask: Int[Tensor, "batch row column"]
) -> Float[Tensor, "batch token channel"]:
    """Normed tokens of an encoder that sees the mask token, with its position, where the mask is 1."""

    def masked(tokens: Tensor) -> Tensor:
        here = mask.reshape(*tokens.shape[:-1], 1).bool()
        return torch.where(here, encoder.mask_token, tokens)

    with output_through(encoder.patch_embed, masked):
        return encoder.forward_features(images)


def feature_map(
    tokens: Float[Tensor, "batch token channel"], *, grid: tuple[int, int]
) -> Float[Tensor, "batch channel row column"]:
    """The patches' tokens on their grid, without those before them."""
    patches = tokens[:, tokens.shape[1] - grid[0] * grid[1] :]
    return patches.transpose(1, 2).unflatten(2, grid)


def pixel_decoder(width: int, patch_size: int) -> nn.Sequential:
    """One linear layer from a patch's token to its pixels, and their way to an image."""
    return nn.Sequential(nn.Conv2d(width, patch_size**2 * COLOURS, kernel_size=1), nn.PixelShuffle(patch_size))


def masked_loss(
    images: Float[Tensor, "batch colour height width"],
    reconstruction: Float[Tensor, "batch colour height width"],
    mask: Int[Tensor, "batch row column"],
) -> Float[Tensor, ""]:
    """Mean absolute difference of the masked pixels, over the whole batch of all processes.

        sum(|x - r| * mask) / (masked pixels + 1e-5) / 3

    Args:
        mask: 1 = masked; each entry covers a patch.
    Returns:
        0 where nothing is masked or the reconstruction is exact.
    Source: Xie et al. 2022 (arXiv:2111.09886), equation 1.
    """
    rows, columns = (size // cells for size, cells in zip(images.shape[2:], mask.shape[1:], strict=True))
    pixels = mask.repeat_interleave(rows, 1).repeat_interleave(columns, 2).unsqueeze(1)
    difference = (at_least_float32(images) - at_least_float32(reconstruction)).abs()
    return (difference * pixels).sum() / (mean_over_processes(pixels.sum()) + EPSILON) / images.shape[1]
