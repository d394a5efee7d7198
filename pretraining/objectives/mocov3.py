"""MoCo-v3: two views of an image find each other among all images of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from yacs.config import CfgNode

from ..encoder import Encoder
from .contrastive import crossed_loss, predictor, projector
from .momentum import Momentum, frozen_copy
from .objective import Batch, Objective, entry
from .official_state import load_official_state, official_state

_PREFIX = "module."


class MoCoV3(Objective):
    """Encoder with projector, predictor, and the momentum encoder that gives the keys.

    Args:
        encoder: its `head` becomes the projector, which reads the class token.
        node: `recipe.MOCOV3`.

    Source: Chen et al. 2021 (arXiv:2104.02057).
    """

    def __init__(self, encoder: Encoder, node: CfgNode) -> None:
        super().__init__()
        encoder.head = projector(encoder.embed_dim, node.HIDDEN, node.DIM)
        self.base_encoder = encoder
        self.momentum_encoder = frozen_copy(encoder)
        self.predictor = predictor(node.HIDDEN, node.DIM)
        self.temperature = node.TEMPERATURE
        self.momentum = Momentum(node.MOMENTUM, cosine=node.MOMENTUM_COSINE)
        if node.FREEZE_PATCH_EMBED:
            encoder.patch_embed.requires_grad_(False)

    @property
    def encoder(self) -> Encoder:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The trained encoder, under its official name."""
        return self.base_encoder

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The contrastive loss of `view1` and `view2`.

        Raises:
            ValueError: the batch is a single image.
        """
        views = batch["view1"], batch["view2"]
        queries = self._queries(views[0]), self._queries(views[1])
        with torch.no_grad():
            if self.training:
                self.momentum.step((self.momentum_encoder, self.base_encoder))
            keys = self.momentum_encoder(views[0]), self.momentum_encoder(views[1])
        return {"loss": crossed_loss(queries, keys, temperature=self.temperature)}

    def _queries(self, view: Float[Tensor, "batch colour height width"]) -> Float[Tensor, "batch channel"]:
        return self.predictor(self.base_encoder(view))

    def advance(self, progress: float) -> None:
        """Set the momentum of the coming step."""
        self.momentum.advance(progress)

    def checkpoint_entry(self) -> dict[str, Any]:
        """`state_dict`, with the names that data parallel training gives."""
        return {"state_dict": {_PREFIX + name: value for name, value in official_state(self).items()}}

    def load_checkpoint_entry(self, payload: Mapping[str, Any]) -> None:
        """Take over every weight of `state_dict`, bit by bit.

        Raises:
            ValueError: a weight is missing, left over or of another shape.
        """
        state = entry(payload, "state_dict")
        load_official_state(self, {name.removeprefix(_PREFIX): value for name, value in state.items()})
