"""Look inside a ViT while it runs: attention, queries, keys, values, head outputs and the residual stream."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from torch import Tensor, nn

from ..layout import TokenLayout, seen_layout
from ._attention import AttentionBlock, Budget, Place
from ._blocks import checkpoints, chosen_layers, transformer_blocks
from ._forward import POINTS, Forward, require_seen
from ._trace import Trace
from ._watch import watching

OnAttention = Callable[[int, Tensor], None]
OnTokens = Callable[[int, str, Tensor], None]


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

    def read(self, block: AttentionBlock) -> Tensor:
        return block.weights

    def attention(self, layer: int, place: Place, found: Tensor) -> None:
        self.trace._values["attention"][layer] = found

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

    def read(self, block: AttentionBlock) -> Tensor:
        return block.weights

    def attention(self, layer: int, place: Place, found: Tensor) -> None:
        if self._on_attention is not None:
            self._on_attention(layer, found)

    def tokens(self, layer: int, point: str, value: Tensor) -> None:
        if self._on_tokens is not None:
            self._on_tokens(layer, point, value)

    def done(self, layer: int) -> None:
        pass


@contextlib.contextmanager
def tap(
    model: nn.Module,
    *,
    layers: Iterable[int] | int | None = None,
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
    forward = Forward(chosen, sink, checkpointing=checkpoints(model))
    with watching(model, stack, forward):
        yield trace
    require_seen(forward, chosen)


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
