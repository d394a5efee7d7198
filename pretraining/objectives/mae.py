"""MAE: the encoder sees a quarter of the patches, a small decoder paints the others."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int64
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from yacs.config import CfgNode

from models.decoder import Decoder, images_from_patches, patches_from_images
from models.sine_cosine import sine_cosine_positions

from ..encoder import Encoder
from ._hook import output_through
from ._precision import at_least_float32
from .objective import Batch, Objective

EPSILON = 1e-6  # a patch of one colour has variance 0
_DECODER = "decoder_"


def kept_count(patches: int, ratio: float) -> int:
    """Number of patches that the encoder sees; rounded down in binary arithmetic, as the official code does."""
    return int(patches * (1 - ratio))


def patch_statistics(
    target: Float[Tensor, "batch patch pixel"],
) -> tuple[Float[Tensor, "batch patch 1"], Float[Tensor, "batch patch 1"]]:
    """Mean and standard deviation (unbiased, with epsilon) of each patch, colours together."""
    return target.mean(-1, keepdim=True), (target.var(-1, keepdim=True) + EPSILON).sqrt()


def removed_loss(
    target: Float[Tensor, "batch patch pixel"],
    prediction: Float[Tensor, "batch patch pixel"],
    removed: Float[Tensor, "batch patch"],
) -> Float[Tensor, ""]:
    """Mean squared error of the removed patches, over the batch.

    Source: He et al. 2022 (arXiv:2111.06377).
    """
    return ((prediction - target).square().mean(-1) * removed).sum() / removed.sum()


class MAE(Objective):
    """Encoder of the visible patches and decoder of all.

    Args:
        encoder: a ViT with one class token.
        node: `recipe.MAE`.

    Raises:
        ValueError: the encoder is of a kind that cannot leave out patches, or RATIO leaves none or all.
    Source: He et al. 2022 (arXiv:2111.06377).
    """

    def __init__(self, encoder: Encoder, node: CfgNode) -> None:
        super().__init__()
        grid = encoder.patch_embed.grid_size
        patches = grid[0] * grid[1]
        self.encoder = _suitable(encoder)
        self.kept = kept_count(patches, node.RATIO)
        if not 0 < self.kept < patches:
            raise ValueError(f"MAE.RATIO={node.RATIO} keeps {self.kept} of {patches} patches; expected some, not all")
        self.norm_pixels = node.NORM_PIXELS
        self.decoder = Decoder(
            encoder.embed_dim,
            dim=node.DECODER_DIM,
            depth=node.DECODER_DEPTH,
            num_heads=node.DECODER_HEADS,
            patches=patches,
            patch_size=encoder.patch_embed.patch_size[0],
        )
        torch.nn.init.normal_(self.decoder.mask_token, std=0.02)
        self.decoder.pos_embed.data[0, 1:] = sine_cosine_positions(grid, node.DECODER_DIM)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of `image` on the patches that `noise` removes: those with the largest values."""
        prediction, restore = self._prediction(batch)
        target = patches_from_images(at_least_float32(batch["image"]), patch_size=self.decoder.patch_size)
        if self.norm_pixels:
            mean, deviation = patch_statistics(target)
            target = (target - mean) / deviation
        return {"loss": removed_loss(target, prediction, (restore >= self.kept).to(target.dtype))}

    def _prediction(self, batch: Batch) -> tuple[Float[Tensor, "batch patch pixel"], Int64[Tensor, "batch patch"]]:
        """Pixels of all patches, and each patch's place in the shuffled order."""
        order = batch["noise"].argsort(dim=1)
        restore = order.argsort(dim=1)
        latent = visible_tokens(self.encoder, batch["image"], order[:, : self.kept])
        return at_least_float32(self.decoder(latent, restore)), restore

    def reconstruction(self, batch: Batch) -> Float[Tensor, "batch colour height width"]:
        """Whole images; where the target is normalised, with the mean and deviation of the true patches."""
        prediction, _ = self._prediction(batch)
        size = self.decoder.patch_size
        if self.norm_pixels:
            target = patches_from_images(at_least_float32(batch["image"]), patch_size=size)
            mean, deviation = patch_statistics(target)
            prediction = prediction * deviation + mean
        return images_from_patches(prediction, grid=self.encoder.patch_embed.grid_size, patch_size=size)

    def _official(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        return {_official_name(name): value for name, value in state.items()}

    def _own(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {_own_name(name): value for name, value in state.items()}


def visible_tokens(
    encoder: VisionTransformer,
    images: Float[Tensor, "batch colour height width"],
    kept: Int64[Tensor, "batch visible"],
) -> Float[Tensor, "batch token channel"]:
    """Normed tokens of an encoder that sees only some patches: class token, then patches in the order of `kept`."""

    def visible(tokens: Tensor) -> Tensor:
        patches = tokens[:, 1:].gather(1, kept.unsqueeze(-1).expand(-1, -1, tokens.shape[2]))
        return torch.cat([tokens[:, :1], patches], dim=1)

    with output_through(encoder.patch_drop, visible):
        return encoder.forward_features(images)


def _suitable(encoder: Encoder) -> VisionTransformer:
    if not isinstance(encoder, VisionTransformer):
        raise ValueError(
            f"METHOD=mae cannot use a {type(encoder).__name__} as encoder: its relative positions need all patches; "
            "take an ENCODER.ARCH of timm's vit_*"
        )
    if encoder.num_prefix_tokens != 1:
        raise ValueError(
            "METHOD=mae needs an encoder with no other token before the patches than the class token; this one has "
            f"{encoder.num_prefix_tokens} (ENCODER.OPTIONS.reg_tokens)"
        )
    return encoder


def _official_name(name: str) -> str:
    if name == "decoder.mask_token":
        return "mask_token"
    return name.removeprefix("encoder.") if name.startswith("encoder.") else name.replace("decoder.", _DECODER, 1)


def _own_name(name: str) -> str:
    if name == "mask_token":
        return "decoder.mask_token"
    return name.replace(_DECODER, "decoder.", 1) if name.startswith(_DECODER) else f"encoder.{name}"
