"""The hybrid of MIM and CL: one encoder under both losses."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from jaxtyping import Float
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from yacs.config import CfgNode

from ..encoder import Encoder
from ._hook import output_through
from .contrastive import crossed_loss, predictor, projector
from .masked_images import add_mask_token, feature_map, masked_loss, masked_tokens, pixel_decoder
from .momentum import Momentum, frozen_copy
from .objective import Batch, Objective


class Hybrid(Objective):
    """SimMIM and MoCo-v3 on a shared encoder: (1 - lambda) * MIM + lambda * CL.

    The masked view passes through the encoder once, the two contrastive views once each. The paper leaves open how
    deep the decoder is: `DECODER_DEPTH` blocks before SimMIM's linear layer. A loss of weight 0 is not computed. Where
    MoCo-v3 freezes the patch embedding, here the contrastive loss sends no gradient into it, but the masked one does:
    lambda 0 is SimMIM and lambda 1 is MoCo-v3.

    Args:
        encoder: gets the mask token.
        node: `recipe.HYBRID`.
        contrast: `recipe.MOCOV3`.

    Raises:
        ValueError: LAMBDA is not between 0 and 1.
    Source: Park et al. 2023 (arXiv:2305.00729), section 4 and figure 12.
    """

    def __init__(self, encoder: Encoder, node: CfgNode, contrast: CfgNode) -> None:
        super().__init__()
        self.weight = lambda_in_range(node.LAMBDA)
        self.temperature = contrast.TEMPERATURE
        self.momentum = Momentum(contrast.MOMENTUM, cosine=contrast.MOMENTUM_COSINE)
        self.stop_at_patches = contrast.FREEZE_PATCH_EMBED
        self.encoder = encoder
        self.momentum_encoder = frozen_copy(encoder)
        self.projector = projector(encoder.embed_dim, contrast.HIDDEN, contrast.DIM)
        self.momentum_projector = frozen_copy(self.projector)
        self.predictor = predictor(contrast.HIDDEN, contrast.DIM)
        add_mask_token(encoder)
        self.decoder_blocks = _blocks(encoder, node.DECODER_DEPTH)
        self.decoder = pixel_decoder(encoder.embed_dim, encoder.patch_embed.patch_size[0])
        self._freeze_unused()

    def _freeze_unused(self) -> None:
        """Parameters that never receive a gradient say so: DistributedDataParallel waits for the others."""
        if self.weight == 0:
            self.projector.requires_grad_(False)
            self.predictor.requires_grad_(False)
        if self.weight == 1:
            self.decoder_blocks.requires_grad_(False)
            self.decoder.requires_grad_(False)
            self.encoder.mask_token.requires_grad_(False)
            self.encoder.patch_embed.requires_grad_(not self.stop_at_patches)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The weighted loss, and its parts `mim` (of `image`, `mask`) and `contrastive` (of `view1`, `view2`).

        Raises:
            ValueError: the batch is a single image.
        """
        parts = {}
        if self.weight < 1:
            parts["mim"] = masked_loss(batch["image"], self._painted(batch), batch["mask"])
        if self.weight > 0:
            parts["contrastive"] = self._contrast(batch["view1"], batch["view2"])
        weights = {"mim": 1 - self.weight, "contrastive": self.weight}
        loss = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        return {"loss": loss, **{name: part.detach() for name, part in parts.items()}}

    def reconstruction(self, batch: Batch) -> Float[Tensor, "batch colour height width"] | None:
        """Whole images, of which only the masked patches are trained; None at LAMBDA 1, where none are."""
        if self.weight == 1:
            return None
        return self._painted(batch)

    def _painted(self, batch: Batch) -> Float[Tensor, "batch colour height width"]:
        tokens = self.decoder_blocks(masked_tokens(self.encoder, batch["image"], batch["mask"]))
        return self.decoder(feature_map(tokens, grid=self.encoder.patch_embed.grid_size))

    def _contrast(self, *views: Tensor) -> Float[Tensor, ""]:
        first, second = (self._query(view) for view in views)
        with torch.no_grad():
            if self.training:
                self.momentum.step((self.momentum_encoder, self.encoder), (self.momentum_projector, self.projector))
            keys = [self.momentum_projector(_class_token(self.momentum_encoder, view)) for view in views]
        return crossed_loss((first, second), (keys[0], keys[1]), temperature=self.temperature)

    def _query(self, view: Tensor) -> Float[Tensor, "batch channel"]:
        stop = output_through(self.encoder.patch_embed, Tensor.detach) if self.stop_at_patches else nullcontext()
        with stop:
            return self.predictor(self.projector(_class_token(self.encoder, view)))

    def advance(self, progress: float) -> None:
        """Set the momentum of the coming step."""
        self.momentum.advance(progress)


def lambda_in_range(weight: float) -> float:
    """The weight of the contrastive loss; ValueError where it is none."""
    if not 0 <= weight <= 1:
        raise ValueError(f"HYBRID.LAMBDA={weight}; expected a number from 0 (only MIM) to 1 (only CL)")
    return float(weight)


def _class_token(encoder: Encoder, images: Tensor) -> Float[Tensor, "batch channel"]:
    return encoder.forward_features(images)[:, 0]


def _blocks(encoder: Encoder, depth: int) -> nn.Sequential:
    heads = encoder.blocks[0].attn.num_heads
    return nn.Sequential(*(Block(encoder.embed_dim, heads, qkv_bias=True) for _ in range(depth)))
