"""A frozen model that gives, of each image, one vector for every layer and way of pooling asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models import TokenLayout, tap, token_layout

from ..aggregation.poolings import POOLINGS, pooled
from ..presets import Norm

TOKENS = "tokens"
"""Stands for the pooling of a cell that holds all tokens, one vector each."""

EMBEDDING = 0


class Cell(NamedTuple):
    """One place to put a head on.

    Attributes:
        layer: 0 for the embedding, l for the output of block l.
        pooling: how one vector is made of the tokens, by its name in `POOLINGS`; "tokens" keeps all.
    """

    layer: int
    pooling: str


class Frozen:
    """A model in eval mode whose layers are pooled as they pass; nothing but the pooled vectors is kept.

    Args:
        model: a plain ViT of timm, on the device it is to run on.
        cells: layers with their poolings.
        token_layers: layers of which all tokens are kept too, as Cell(layer, "tokens").
        norm: "final" puts the model's last LayerNorm on every layer's tokens, before they are pooled (after, where the
            model itself has it there); "none" takes them as the block gives them.
        oracle: model whose last layer's attention the pooling "oracle" uses; on the same device and grid.
        quirks: of the released code, as `probing.aggregation` names them.
    Raises:
        ValueError: no such layer or pooling, attention asked of the embedding, or no last norm.
    """

    def __init__(
        self,
        model: nn.Module,
        cells: Iterable[Cell],
        *,
        token_layers: Iterable[int] = (),
        norm: Norm = "none",
        oracle: nn.Module | None = None,
        quirks: frozenset[str] = frozenset(),
    ) -> None:
        self.model, self.oracle, self.quirks = model, oracle, quirks
        self.cells = tuple(cells) + tuple(Cell(layer, TOKENS) for layer in token_layers)
        self.layout = token_layout(model)
        depth = len(model.blocks)  # pyright: ignore[reportArgumentType]
        for cell in self.cells:
            _check(cell, depth, self.layout, oracle)
        self._before, self._after = _norms(model, norm)

    def __call__(self, images: Float[Tensor, "batch 3 height width"]) -> dict[Cell, Float[Tensor, "batch *rest"]]:
        """Pooled vectors of one batch, (batch channel) in float32; tokens are (batch token channel)."""
        return next(iter(self.over([images])))

    def over(self, batches: Iterable[Tensor]) -> Iterator[dict[Cell, Tensor]]:
        """The same for each batch, through one tap, which proves itself on the first."""
        passing = _Passing(self)
        with passing.tapped():
            for images in batches:
                yield passing.passed(images)

    def _pooled(
        self, cell: Cell, tokens: Tensor, attention: Tensor | None, oracle: tuple[Tensor, TokenLayout] | None
    ) -> Tensor:
        if cell.pooling == TOKENS:
            return tokens if isinstance(self._after, nn.Identity) else _halves(self._after, tokens)
        weights, layout = oracle or (None, None)
        vector = pooled(
            cell.pooling,
            tokens,
            self.layout,
            attention=attention,
            oracle=weights,
            oracle_layout=layout,
            quirks=self.quirks,
        )
        return vector if isinstance(self._after, nn.Identity) else _halves(self._after, vector)


class _Passing:
    """One forward pass after another, with what its taps have seen so far."""

    def __init__(self, frozen: Frozen) -> None:
        self.frozen = frozen
        self.wanted: dict[int, list[Cell]] = {}
        for cell in frozen.cells:
            self.wanted.setdefault(cell.layer, []).append(cell)
        self.attended = {cell.layer for cell in frozen.cells if _pooling(cell, "needs_attention")}
        self.asks_oracle = any(_pooling(cell, "needs_oracle") for cell in frozen.cells)
        self.attention: Tensor | None = None
        self.oracle: tuple[Tensor, TokenLayout] | None = None
        self.found: dict[Cell, Tensor] = {}

    @contextlib.contextmanager
    def tapped(self) -> Iterator[None]:
        layers = sorted({max(layer - 1, 0) for layer in self.wanted})
        points = {"after_mlp", *(["embedding"] if EMBEDDING in self.wanted else [])}
        points |= {"attention"} if self.attended else set()
        with tap(
            self.frozen.model,
            layers=layers,
            points=points,
            on_attention=self._see_attention if self.attended else None,
            on_tokens=self._see_tokens,
        ):
            yield

    @torch.no_grad()
    def passed(self, images: Tensor) -> dict[Cell, Tensor]:
        first = next(self.frozen.model.parameters())
        images = images.to(first.device, first.dtype)
        self.found = {}
        if self.asks_oracle:
            self.oracle = _last_attention(self.frozen.oracle, self.frozen.model, images)
        _forward(self.frozen.model)(images)
        return {cell: self.found[cell] for cell in self.frozen.cells}

    def _see_attention(self, layer: int, attention: Tensor) -> None:
        self.attention = attention if layer + 1 in self.attended else None

    def _see_tokens(self, layer: int, point: str, tokens: Tensor) -> None:
        number = EMBEDDING if point == "embedding" else layer + 1
        cells = self.wanted.get(number, [])
        if cells:
            normed = self.frozen._before(tokens).float()
            attention = None if number == EMBEDDING else self.attention
            self.found |= {cell: self.frozen._pooled(cell, normed, attention, self.oracle) for cell in cells}


def chosen_layers(words: Sequence[str], depth: int) -> list[int]:
    """Layers from what was typed: numbers from 0 (the embedding) to the depth, negative ones from the end, or all.

    Raises:
        ValueError: there is no such layer.

    >>> chosen_layers(["0", "-1"], 12), chosen_layers(["all"], 2)
    ([0, 12], [0, 1, 2])
    """
    if list(words) == ["all"]:
        return list(range(depth + 1))
    layers = []
    for word in words:
        try:
            layer = int(word)
        except ValueError:
            raise ValueError(f"layer {word!r}; expected numbers from 0 to {depth}, or all") from None
        if not -depth - 1 <= layer <= depth:
            raise ValueError(
                f"layer {layer}: there are 0 (the embedding) to {depth} (the last block's output); negative numbers "
                "count from the end"
            )
        layers.append(layer % (depth + 1))
    return sorted(set(layers))


def _pooling(cell: Cell, need: str) -> bool:
    return cell.pooling != TOKENS and getattr(POOLINGS[cell.pooling], need)


def _check(cell: Cell, depth: int, layout: TokenLayout, oracle: nn.Module | None) -> None:
    if not 0 <= cell.layer <= depth:
        raise ValueError(f"layer {cell.layer}: there are 0 (the embedding) to {depth} (the last block's output)")
    if cell.pooling == TOKENS:
        return
    if cell.pooling not in POOLINGS:
        raise ValueError(f"pooling {cell.pooling!r}; expected one of {', '.join(POOLINGS)}")
    if cell.layer == EMBEDDING and _pooling(cell, "needs_attention"):
        raise ValueError(f"pooling {cell.pooling} at layer 0: the embedding has no attention; take layers from 1 on")
    if _pooling(cell, "needs_oracle") and oracle is None:
        raise ValueError(f"pooling {cell.pooling} needs another model's attention: --oracle of `aggregate`")


def _norms(model: Any, norm: Norm) -> tuple[nn.Module, nn.Module]:
    """(what is put on tokens before pooling, what is put on vectors after it)."""
    if norm == "none":
        return nn.Identity(), nn.Identity()
    before, after = (getattr(model, name, None) or nn.Identity() for name in ("norm", "fc_norm"))
    if isinstance(before, nn.Identity) and isinstance(after, nn.Identity):
        raise ValueError(f"norm=final: {type(model).__name__} has no norm after its blocks; take norm=none")
    return before, after


def _halves(norm: nn.Module, vector: Tensor) -> Tensor:
    """A norm on each part of a vector that joins several."""
    width = next(norm.parameters()).shape[0]
    first = next(norm.parameters())
    parts = vector.to(first.dtype).unflatten(-1, (-1, width))
    return norm(parts).flatten(-2).float()


def _last_attention(oracle: Any, model: Any, images: Tensor) -> tuple[Tensor, TokenLayout]:
    """Attention of the oracle's last layer on the same pictures in its own normalisation, and its token layout."""
    own, others = (_statistics(net, images) for net in (model, oracle))
    first = next(oracle.parameters())
    pictures = images * own[1] + own[0]
    with tap(oracle, layers=[-1], points={"attention"}) as trace:
        _forward(oracle)(((pictures - others[0]) / others[1]).to(first.dtype))
    (attention,) = trace.attention.values()
    return attention, trace.layout


def _statistics(model: Any, images: Tensor) -> tuple[Tensor, Tensor]:
    config = model.pretrained_cfg
    mean, std = (torch.tensor(config[name], device=images.device, dtype=images.dtype) for name in ("mean", "std"))
    return mean[:, None, None], std[:, None, None]


def _forward(model: Any) -> Callable[[Tensor], Any]:
    """The pass without classifier, where the model offers one."""
    return getattr(model, "forward_features", model)
