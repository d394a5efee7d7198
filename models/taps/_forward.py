"""Where a forward pass is: which block runs, and what has passed through its residual stream."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ._attention import AttentionBlock, Budget, Place
from ._proof import require_residual

HEAD_POINTS = ("queries", "keys", "values", "head_outputs")
BRANCH_POINTS = ("attention_branch", "after_attention")
STREAM_POINTS = ("before_attention", *BRANCH_POINTS, "after_mlp")
POINTS = ("attention", *HEAD_POINTS, "before_attention", *BRANCH_POINTS, "after_mlp", "embedding")


@runtime_checkable
class Sink(Protocol):
    """Who receives what passes; tensors are detached, and lent only until the next call."""

    budget: Budget
    points: frozenset[str]

    def start(self, image_size: tuple[int, int] | None, tokens: int) -> None:
        """A forward pass begins, on images of (height, width), where that could be seen, and so many tokens."""

    def read(self, block: AttentionBlock) -> Any:
        """What the sink wants of some complete rows of attention, of several blocks at once: it changes nothing."""

    def attention(self, layer: int, place: Place, found: Any) -> None:
        """What `read` has made of the rows at this place of a layer's attention; the blocks come in order."""

    def tokens(self, layer: int, point: str, value: Tensor) -> None:
        """One of the other points; `embedding` comes before layer 0."""

    def done(self, layer: int) -> None:
        """All of a layer has been given."""


@dataclasses.dataclass
class Layer:
    """What is known so far of the block that runs now."""

    index: int
    name: str
    before: Tensor
    child: str | None = None
    attention_child: str | None = None
    branch: Tensor | None = None
    after: Tensor | None = None
    product: tuple[Tensor, Tensor] | None = None
    weights: Tensor | None = None
    attended: bool = False

    @property
    def batch(self) -> int:
        return self.before.shape[0]

    @property
    def tokens(self) -> int:
        return self.before.shape[1]


class Forward:
    """The passes that go through a model while it is tapped; the hooks of `_hooks.py` report to it."""

    def __init__(self, layers: Sequence[int], sink: Sink, *, checkpointing: bool = False) -> None:
        self.layers = frozenset(layers)
        self.checkpointing = checkpointing
        self.entered = False
        self.sink = sink
        self.layer: Layer | None = None
        self.passes = 0
        self.seen: set[int] = set()
        self.proven: set[int] = set()
        self.needs_attention = bool(sink.points & {"attention", *HEAD_POINTS, *BRANCH_POINTS})
        self._image_size: tuple[int, int] | None = None
        self._previous: tuple[int, Tensor] | None = None

    def enter_model(self) -> None:
        """The model itself was called, whatever becomes of its blocks."""
        self.entered = True

    def see_images(self, images: Tensor, *, sure: bool) -> None:
        """Note the size of images; `sure` where they are the model's own input."""
        if images.ndim == 4 and (sure or self._image_size is None):
            self._image_size = (images.shape[-2], images.shape[-1])

    def enter_block(self, index: int, name: str, tokens: Tensor) -> None:
        if tokens.ndim != 3:
            raise ValueError(
                f"{name} was given a tensor of shape {tuple(tokens.shape)}, not (batch token channel): "
                "this is no plain ViT"
            )
        if index == 0:
            self._start(tokens)
        elif index in self.seen:
            raise ValueError(
                f"{name} ran twice in one forward pass, so its layer number means nothing (gradient checkpointing? It "
                "runs blocks again in the backward pass: switch it off, or use torch.inference_mode())"
            )
        if index in self.layers:
            self._require_continued(index, name, tokens)
            self.layer = Layer(index, name, tokens)
            self.give(index, "before_attention", tokens)

    def leave_block(self, index: int, output: Tensor) -> None:
        layer, self.layer = self.layer, None
        self.seen.add(index)
        if layer is None:
            return
        if self.needs_attention and not layer.attended:
            raise ValueError(
                f"{layer.name} ran without an attention that the tap could see. It knows "
                "scaled_dot_product_attention, torch's MultiheadAttention and softmax(...) @ v; flash_attn, xformers "
                "and scripted modules hide theirs, and so does a forward in another thread: switch the model to one of "
                "the first (transformers: attn_implementation='sdpa')"
            )
        self._require_own_memory(layer, output)
        self._previous = (index, output)
        self._give_branch(layer)
        self.give(index, "after_mlp", output)
        with torch._C.DisableTorchFunction():
            self.sink.done(index)
        self.proven.add(index)

    def enter_child(self, name: str, is_norm: bool, tokens: Tensor | None) -> None:
        if self.layer is None:
            return
        self.layer.child = name
        if is_norm and self.layer.branch is not None and self.layer.after is None:
            self.layer.after = tokens

    def leave_child(self, name: str, output: Tensor | None, *, changed_later: bool) -> None:
        """A child has returned; `changed_later` where another one may write over its output."""
        if self.layer is None:
            return
        self.layer.child = None
        if name == self.layer.attention_child and self.layer.branch is None and output is not None:
            self.layer.branch = output.clone() if changed_later else output

    def attended(self, layer: Layer, query: Tensor | None, key: Tensor | None, value: Tensor, output: Tensor) -> None:
        """The block that runs now has attended; all (batch head token channel)."""
        layer.attended = True
        layer.attention_child = layer.child
        for point, tensor in zip(HEAD_POINTS, (query, key, value, output), strict=True):
            self.give(layer.index, point, tensor)

    def give(self, layer: int, point: str, value: Tensor | None) -> None:
        if value is not None and point in self.sink.points:
            with torch._C.DisableTorchFunction():
                self.sink.tokens(layer, point, value.detach())

    def _start(self, tokens: Tensor) -> None:
        if self.checkpointing and torch.is_grad_enabled():
            raise ValueError(
                "gradient checkpointing is on, which runs the blocks again in the backward pass: switch it off "
                "(model.set_grad_checkpointing(False)), or run the model under torch.inference_mode()"
            )
        self.passes += 1
        self.seen.clear()
        self._previous = None
        self.sink.start(self._image_size, tokens.shape[1])
        self._image_size = None
        self.give(0, "embedding", tokens)

    def _give_branch(self, layer: Layer) -> None:
        wanted = self.sink.points & {*BRANCH_POINTS}
        if not wanted:
            return
        if layer.branch is None or ("after_attention" in wanted and layer.after is None):
            raise ValueError(
                f"{layer.name}: cannot tell its attention branch from the rest, for it has no attention module of its "
                "own that a norm follows: leave 'attention_branch' and 'after_attention' out of points=, or metrics of "
                "`branch` and `after` out of measure"
            )
        if layer.after is not None and layer.index not in self.proven:
            with torch._C.DisableTorchFunction():
                require_residual(layer.before.detach(), layer.branch.detach(), layer.after.detach(), layer.name)
        self.give(layer.index, "attention_branch", layer.branch)
        self.give(layer.index, "after_attention", layer.after)

    def _require_continued(self, index: int, name: str, tokens: Tensor) -> None:
        """Raise ValueError where a block does not go on with what the one before it gave."""
        if self._previous is None or self._previous[0] != index - 1 or index in self.proven:
            return
        before = self._previous[1]
        if tokens is before or not self.sink.points & {*STREAM_POINTS}:
            return
        with torch._C.DisableTorchFunction():
            if tokens.shape == before.shape and torch.equal(tokens[:1].nan_to_num(), before[:1].nan_to_num()):
                return
        raise ValueError(
            f"{name} is not given what the block before it returned, so these blocks do not hold the residual stream "
            f"between them: leave {', '.join(STREAM_POINTS)} out of points=, or pass other modules as blocks="
        )

    def _require_own_memory(self, layer: Layer, output: Tensor) -> None:
        """Raise ValueError where a block writes over the stream that it was given, or over that after attention."""
        given = [layer.before, layer.after] if self.sink.points & {*BRANCH_POINTS} else [layer.before]
        written = (layer.after is not None and _shared(layer.before, layer.after)) or any(
            tensor is not None and _shared(tensor, output) for tensor in given
        )
        if written and self.sink.points & {*STREAM_POINTS, "embedding"}:
            raise ValueError(
                f"{layer.name} adds to its stream in place (x += ...), which writes over what the tap has seen: write "
                f"x = x + ..., or leave {', '.join(STREAM_POINTS)} and embedding out of points="
            )


def _shared(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def require_seen(forward: Forward, layers: Sequence[int]) -> None:
    """Raise ValueError unless every layer that was asked for has run."""
    missing = sorted(set(layers) - forward.proven)
    if missing and forward.entered and not forward.passes:
        raise ValueError(
            "the model ran, but its blocks did not: they have no forward of their own (a ModuleList of lists?) or were "
            "left out. Pass modules that are called as blocks=, for example the attention modules with "
            "points=['attention', 'head_outputs']"
        )
    if missing:
        what = f"layers {missing} were" if forward.passes else "the model was"
        raise ValueError(
            f"{what} never run inside the `with tap(...)` block: call the tapped model itself there, in this thread, "
            "for example model(images), and name in layers= those that run if not all do"
        )
