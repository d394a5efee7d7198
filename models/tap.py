"""Look inside a ViT while it runs: attention, queries, keys, values, head outputs and the residual stream."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from torch import Tensor, nn

from ._attention import AttentionBlock, Budget
from ._blocks import transformer_blocks
from ._forward import POINTS, Forward
from ._watch import watching
from .layout import TokenLayout, token_layout

OnAttention = Callable[[int, Tensor], None]
OnTokens = Callable[[int, str, Tensor], None]


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


class _Keep:
    """The sink of a plain tap: holds everything that was asked for, of one forward pass."""

    budget = Budget()

    def __init__(self, trace: Trace, points: frozenset[str], layout_of: Callable[..., TokenLayout]) -> None:
        self.trace = trace
        self.points = points
        self._layout_of = layout_of
        self._passes = 0

    def start(self, image_size: tuple[int, int] | None, tokens: int) -> None:
        if self._passes:
            raise RuntimeError(
                "a second forward pass inside one `with tap(...)` would overwrite the first: open a tap for each, or "
                "pass on_attention= / on_tokens= and keep what you need"
            )
        self._passes += 1
        _note_layout(self.trace, self._layout_of, image_size, tokens)

    def attention(self, layer: int, block: AttentionBlock) -> None:
        self.trace._values["attention"][layer] = block.weights

    def tokens(self, layer: int, point: str, value: Tensor) -> None:
        self.trace._values[point][layer] = value

    def done(self, layer: int) -> None:
        pass


class _Call:
    """The sink of a tap with callbacks: hands everything on and keeps nothing."""

    budget = Budget()

    def __init__(
        self,
        trace: Trace,
        points: frozenset[str],
        layout_of: Callable[..., TokenLayout],
        on_attention: OnAttention | None,
        on_tokens: OnTokens | None,
    ) -> None:
        self.trace = trace
        self.points = points
        self._layout_of = layout_of
        self._on_attention = on_attention
        self._on_tokens = on_tokens

    def start(self, image_size: tuple[int, int] | None, tokens: int) -> None:
        _note_layout(self.trace, self._layout_of, image_size, tokens)

    def attention(self, layer: int, block: AttentionBlock) -> None:
        if self._on_attention is not None:
            self._on_attention(layer, block.weights)

    def tokens(self, layer: int, point: str, value: Tensor) -> None:
        if self._on_tokens is not None:
            self._on_tokens(layer, point, value)

    def done(self, layer: int) -> None:
        pass


@contextlib.contextmanager
def tap(
    model: nn.Module,
    *,
    layers: Iterable[int] | None = None,
    points: Iterable[str] | None = None,
    on_attention: OnAttention | None = None,
    on_tokens: OnTokens | None = None,
    blocks: Sequence[nn.Module] | None = None,
    layout: TokenLayout | None = None,
) -> Iterator[Trace]:
    """Open a model for the forward passes inside the `with` block; it is left as it was found.

        with tap(model) as trace:
            model(images)
        trace.attention[11]  # (batch head query key)

    Without callbacks the trace holds what was asked for of one forward pass. With callbacks nothing is kept, any number
    of passes may go through, and a tensor may be used until the callback returns. On the first batch the tap proves
    itself: rows sum to 1, A V equals what the block used, the attention branch explains the stream, every layer asked
    for was seen.

    Args:
        model: any plain ViT of timm, transformers or torchvision, or one's own with `blocks`; compiled models and
            DistributedDataParallel are looked through.
        layers: which layers, counted from 0, negative from the end; all by default.
        points: which of attention, queries, keys, values, head_outputs, before_attention, attention_branch,
            after_attention, after_mlp, embedding. By default all, or those that the callbacks are for.
        on_attention: called as on_attention(layer, attention) with the weights (batch head query key).
        on_tokens: called as on_tokens(layer, point, tensor) for every other point; the embedding as that of layer 0.
        blocks: the transformer blocks of one's own ViT, in order.
        layout: the token layout, where the model does not say what its tokens are.
    Raises:
        ValueError: unknown layer or point; a model whose attention cannot be seen; no forward pass in the block.
        RuntimeError: a second forward pass while a trace is kept.
    """
    stack = transformer_blocks(model, blocks)
    chosen = chosen_layers(layers, len(stack))
    wanted = _chosen_points(points, on_attention, on_tokens)
    trace = Trace(chosen, wanted)

    def layout_of(image_size: tuple[int, int] | None, tokens: int) -> TokenLayout:
        return seen_layout(model, layout, image_size, tokens)

    if on_attention is None and on_tokens is None:
        sink = _Keep(trace, wanted, layout_of)
    else:
        sink = _Call(trace, wanted, layout_of, on_attention, on_tokens)
    forward = Forward(chosen, sink)
    with watching(model, stack, forward):
        yield trace
    require_seen(forward, chosen)


def chosen_layers(layers: Iterable[int] | None, depth: int) -> list[int]:
    """Layer numbers from 0 to depth - 1 in order.

    Raises:
        ValueError: a layer that the model does not have.
    """
    if layers is None:
        return list(range(depth))
    asked = list(layers)
    wrong = [layer for layer in asked if not -depth <= layer < depth]
    if wrong or not asked:
        raise ValueError(
            f"layers={asked}: the model has {depth} layers, numbered 0 to {depth - 1} (or -{depth} to -1 from the end)"
        )
    return sorted({layer % depth for layer in asked})


def seen_layout(
    model: nn.Module, layout: TokenLayout | None, image_size: tuple[int, int] | None, tokens: int
) -> TokenLayout:
    """The layout of images that went through, from the model's or the caller's own.

    Raises:
        ValueError: the layout does not fit the number of tokens that the blocks saw.
    """
    known = token_layout(model) if layout is None else layout
    if known.prefix + known.patches == tokens or image_size is None:
        if known.prefix + known.patches != tokens:
            raise ValueError(f"the blocks saw {tokens} tokens, but {known} has {known.prefix + known.patches}")
        if image_size is None or layout is not None:
            return known
    return known.for_image(*image_size, tokens)


def require_seen(forward: Forward, layers: Sequence[int]) -> None:
    """Raise ValueError unless every layer that was asked for has run."""
    missing = sorted(set(layers) - forward.proven)
    if missing:
        what = f"layers {missing} were" if forward.passes else "the model was"
        raise ValueError(
            f"{what} never run inside the `with tap(...)` block: call the tapped model itself there, in this thread, "
            "for example model(images)"
        )


def _note_layout(
    trace: Trace, layout_of: Callable[..., TokenLayout], image_size: tuple[int, int] | None, tokens: int
) -> None:
    try:
        trace._layout = layout_of(image_size, tokens)
    except ValueError as error:  # told to whoever asks for the layout; attention and tokens are right without it
        trace._layout = error


def _chosen_points(
    points: Iterable[str] | None, on_attention: OnAttention | None, on_tokens: OnTokens | None
) -> frozenset[str]:
    if points is not None:
        asked = frozenset([points] if isinstance(points, str) else points)
        unknown = sorted(asked - {*POINTS})
        if unknown or not asked:
            raise ValueError(f"points={sorted(asked)}: known points are {', '.join(POINTS)}")
        return asked
    if on_attention is not None and on_tokens is None:
        return frozenset({"attention"})
    if on_tokens is not None and on_attention is None:
        return frozenset(POINTS) - {"attention"}
    return frozenset(POINTS)
