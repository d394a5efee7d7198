"""What every pre-training method offers to the training loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ..encoder import Encoder
from .official_state import load_official_state, official_state

Batch = Mapping[str, Tensor]


class Objective(nn.Module):
    """A method of pre-training: the encoder, what is trained with it, and the loss of a batch.

    Attributes:
        encoder: the timm ViT that is analysed afterwards.
        start_sha256: of the weights that the encoder starts from; empty where it is new.
        start_licence: of those weights, where it is known.
        keys: family of `models` whose rules read the official structure, where its keys do not tell it themselves.
    """

    encoder: Encoder
    start_sha256: str = ""
    start_licence: str | None = None
    keys: str | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """`loss`, the scalar to minimise, and its detached parts for the log.

        Args:
            batch: tensors of the method's views, by name.
        """
        raise NotImplementedError

    def advance(self, progress: float) -> None:
        """Called before every step of the optimiser with the part of the training that is done, 0 to 1."""

    def reconstruction(self, batch: Batch) -> Float[Tensor, "batch colour height width"] | None:
        """Images as the method paints them from what it sees, in normalised pixels; None where it paints none."""
        return None

    def checkpoint_entry(self) -> dict[str, Any]:
        """The weights in the official code's structure."""
        return {"model": self._official(official_state(self))}

    def load_checkpoint_entry(self, payload: Mapping[str, Any]) -> None:
        """Take over every weight of a checkpoint of the official structure, bit by bit.

        Raises:
            ValueError: a weight is missing, left over or of another shape.
        """
        load_official_state(self, self._own(entry(payload, "model")))

    def _official(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Official names of our own ones."""
        return state

    def _own(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our own names of official ones."""
        return dict(state)


def entry(payload: Mapping[str, Any], name: str) -> Mapping[str, Tensor]:
    """One entry of a checkpoint; ValueError where it has none."""
    if name not in payload:
        raise ValueError(f"the checkpoint has no entry {name!r} but {', '.join(map(str, payload))}: of another method?")
    return payload[name]
