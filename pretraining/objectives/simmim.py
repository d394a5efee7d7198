"""SimMIM: paint what is behind the mask, with one linear layer after the encoder."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..encoder import Encoder
from .masked_images import add_mask_token, feature_map, masked_loss, masked_tokens, pixel_decoder
from .objective import Batch, Objective


class SimMIM(Objective):
    """Encoder that sees mask tokens, and a linear decoder.

    Args:
        encoder: gets the mask token.

    Source: Xie et al. 2022 (arXiv:2111.09886).
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        add_mask_token(encoder)
        self.encoder = encoder
        self.decoder = pixel_decoder(encoder.embed_dim, encoder.patch_embed.patch_size[0])

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of `image` on the patches where `mask` is 1."""
        return {"loss": masked_loss(batch["image"], self.reconstruction(batch), batch["mask"])}

    def reconstruction(self, batch: Batch) -> Float[Tensor, "batch colour height width"]:
        """Whole images, of which only the masked patches are trained."""
        tokens = masked_tokens(self.encoder, batch["image"], batch["mask"])
        return self.decoder(feature_map(tokens, grid=self.encoder.patch_embed.grid_size))
