"""What one forward pass left behind: a read-only mapping from layer to tensor for each point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from torch import Tensor

from ..layout import TokenLayout
from ._forward import POINTS


class PointMap(Mapping[int, Tensor]):
    """{layer: tensor} of one point, layers counted from 0; read-only."""

    def __init__(self, point: str, values: Mapping[int, Tensor], reason: str) -> None:
        self._point = point
        self._values = values
        self._reason = reason

    def __getitem__(self, layer: int) -> Tensor:
        if layer not in self._values:
            held = ", ".join(map(str, self._values)) or "none"
            raise KeyError(f"{self._point} of layer {layer} is not in this trace (layers held: {held}); {self._reason}")
        return self._values[layer]

    def __iter__(self) -> Iterator[int]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{self._point}: {{{', '.join(f'{layer}: {tuple(v.shape)}' for layer, v in self.items())}}}"


class Trace:
    """What one forward pass left behind; each attribute maps a layer (from 0) to a detached tensor.

    Attributes:
        attention: softmax weights (batch head query key), prefix tokens first; rows sum to 1. float32, or float64 of a
            float64 model, whatever the model's own precision.
        queries, keys, values: (batch head token channel), as they enter the attention. Hand-written attention may have
            scaled the queries before.
        head_outputs: (batch head token channel), A V of each head before the projection.
        before_attention: (batch token channel), the residual stream that enters the block.
        attention_branch: (batch token channel), after the projection and before LayerScale.
        after_attention: (batch token channel), the residual stream after the attention is added.
        after_mlp: (batch token channel), the residual stream that leaves the block.
    """

    def __init__(self, layers: Sequence[int], points: frozenset[str]) -> None:
        self._values: dict[str, dict[int, Tensor]] = {point: {} for point in POINTS}
        self._layout: TokenLayout | ValueError | None = None
        self._layers = tuple(layers)
        self._points = points

    @property
    def attention(self) -> Mapping[int, Tensor]:
        return self._point("attention")

    @property
    def queries(self) -> Mapping[int, Tensor]:
        return self._point("queries")

    @property
    def keys(self) -> Mapping[int, Tensor]:
        return self._point("keys")

    @property
    def values(self) -> Mapping[int, Tensor]:
        return self._point("values")

    @property
    def head_outputs(self) -> Mapping[int, Tensor]:
        return self._point("head_outputs")

    @property
    def before_attention(self) -> Mapping[int, Tensor]:
        return self._point("before_attention")

    @property
    def attention_branch(self) -> Mapping[int, Tensor]:
        return self._point("attention_branch")

    @property
    def after_attention(self) -> Mapping[int, Tensor]:
        return self._point("after_attention")

    @property
    def after_mlp(self) -> Mapping[int, Tensor]:
        return self._point("after_mlp")

    @property
    def embedding(self) -> Tensor:
        """The tokens that enter the first block, positions added: (batch token channel)."""
        if "embedding" not in self._points or 0 not in self._values["embedding"]:
            raise KeyError(f"the embedding is not in this trace; {self._reason()}")
        return self._values["embedding"][0]

    @property
    def layout(self) -> TokenLayout:
        """The token layout of the images that went through.

        Raises:
            ValueError: no forward pass has gone through yet, or the model does not say what its tokens are.
        """
        if self._layout is None:
            raise ValueError("the layout is known once images have gone through the model inside the with block")
        if isinstance(self._layout, ValueError):
            raise self._layout
        return self._layout

    def _point(self, point: str) -> Mapping[int, Tensor]:
        return PointMap(point, MappingProxyType(self._values[point]), self._reason())

    def _reason(self) -> str:
        return f"asked for were points {sorted(self._points)} of layers {list(self._layers)}"
