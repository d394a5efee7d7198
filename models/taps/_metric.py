"""A plain function, read as a metric: which tensors of a layer it wants and what it returns."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from ..layout import TokenLayout
from ._attention import AttentionBlock

SOURCES = {
    "attention": "attention",
    "queries": "queries",
    "keys": "keys",
    "values": "values",
    "head_outputs": "head_outputs",
    "before": "before_attention",
    "branch": "attention_branch",
    "after": "after_attention",
    "tokens": "after_mlp",
    "features": "after_mlp",
}
_LAYOUT_OPTIONS = ("grid", "patch_size", "prefix", "class_tokens")
_BLOCK_OPTIONS = ("logits", "found", "found_of_queries", "spare")
Values = Tensor | Mapping[str, Tensor]


@runtime_checkable
class QuerySums(Protocol):
    """A function of attention that adds up over queries (what `ops` attaches to its own as `over_queries`).

    `sums(rows, *, queries, **options)` is (batch head feature) of some heads, additive over blocks of queries. If it
    also takes `logits=`, it is given what the softmax was taken of, or None; if it takes `found=`, a dict in which
    metrics of the same rows leave each other what they have found; `found_of_queries=` is one for all heads' rows of
    the same queries; `spare=` a tensor like the rows to write over, or None. `finish(sums, **options)` makes the metric
    of the total.
    """

    @property
    def sums(self) -> Callable[..., Tensor]: ...

    @property
    def finish(self) -> Callable[..., Values]: ...


@dataclasses.dataclass(frozen=True)
class Metric:
    """A function from one layer's tensors to per-image values.

    Attributes:
        name: as the caller calls it.
        data: names of the function's data parameters, keys of `SOURCES`.
        options: its keyword options with their values.
        of_layout: which of grid, patch_size, prefix and class_tokens it wants filled in.
        over_queries: how to compute it a block of queries at a time, where that is possible.
        of_block: which of logits and found its sums have a use for.
        across_images: whether a value depends on which images share a call.
    """

    name: str
    function: Callable[..., Values]
    data: tuple[str, ...]
    options: Mapping[str, Any]
    of_layout: tuple[str, ...]
    over_queries: QuerySums | None
    of_block: tuple[str, ...]
    across_images: bool

    @classmethod
    def of(cls, name: str, function: Callable[..., Values]) -> Metric:
        """Read a function's signature.

        Raises:
            ValueError: it wants something that a layer does not have.
        """
        if not callable(function):
            raise ValueError(
                f"metric {name!r} is a {type(function).__name__}, not a function such as ops.attention_nmi"
            )
        parameters = inspect.signature(function).parameters.values()
        named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
        bound = function.keywords if isinstance(function, functools.partial) else {}
        data = tuple(parameter.name for parameter in named if parameter.name in SOURCES)
        options = {
            parameter.name: parameter.default
            for parameter in named
            if parameter.name not in data and parameter.default is not parameter.empty
        }
        of_layout = tuple(
            parameter.name for parameter in named if parameter.name in _LAYOUT_OPTIONS and parameter.name not in bound
        )
        unknown = [p.name for p in named if p.name not in {*data, *options, *of_layout} or p.name in {*data} & {*bound}]
        if unknown or not data or ("attention" in data and len(data) > 1):
            raise ValueError(
                f"metric {name!r}: parameters {[p.name for p in named]} are not what a layer can give. Data parameters "
                f"are `attention` alone or any of {', '.join(list(SOURCES)[1:])}, not bound; "
                f"{', '.join(_LAYOUT_OPTIONS)} are filled in; all others need a default (bind them with "
                "functools.partial)"
            )
        plain = function.func if isinstance(function, functools.partial) else function
        over_queries: QuerySums | None = getattr(plain, "over_queries", None)
        parameters_of_sums = inspect.signature(over_queries.sums).parameters if over_queries else {}
        of_block = tuple(name for name in _BLOCK_OPTIONS if name in parameters_of_sums)
        across_images = getattr(plain, "across_images", False)
        return cls(name, function, data, options, of_layout, over_queries, of_block, across_images)

    @property
    def points(self) -> frozenset[str]:
        """The points of a tap that it reads."""
        return frozenset(SOURCES[name] for name in self.data)

    def sums(self, block: AttentionBlock, layout: TokenLayout) -> Tensor:
        """What the rows of a block add to the metric, for one that adds up over queries."""
        assert self.over_queries is not None
        of_block = {name: getattr(block, name) for name in self.of_block}
        return self.over_queries.sums(block.weights, queries=block.queries, **of_block, **self.all_options(layout))

    def finished(self, sums: Tensor, layout: TokenLayout) -> dict[str, Tensor]:
        """The metric from the sums over all queries."""
        assert self.over_queries is not None
        return self.named(self.over_queries.finish(sums, **self.all_options(layout)), len(sums))

    @property
    def convention(self) -> str:
        return str(self.options.get("convention", ""))

    @property
    def of_attention(self) -> bool:
        return self.data == ("attention",)

    @property
    def of_embedding(self) -> bool:
        """Whether depth 0, the embedding, has a value too."""
        return self.points == {"after_mlp"}

    def all_options(self, layout: TokenLayout) -> dict[str, Any]:
        return {**self.options, **self.layout_options(layout)}

    def layout_options(self, layout: TokenLayout) -> dict[str, Any]:
        return {name: getattr(layout, name) for name in self.of_layout}

    def value(self, tensors: Mapping[str, Tensor], layout: TokenLayout) -> dict[str, Tensor]:
        """{metric name: per-image values} of one layer; a function without `prefix` gets patch tokens only."""
        keep_prefix = "prefix" in self.of_layout or self.of_attention
        given = [tensors[SOURCES[name]] for name in self.data]
        if not keep_prefix:
            given = [tensor[..., layout.prefix :, :] for tensor in given]
        return self.named(self.function(*given, **self.layout_options(layout)), len(given[0]))

    def named(self, values: Values, images: int) -> dict[str, Tensor]:
        """What the function returned, as {name: (image ...)}.

        Raises:
            ValueError: the first axis is not that of the images.
        """
        named = dict(values) if isinstance(values, Mapping) else {self.name: values}
        for name, value in named.items():
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            if not isinstance(value, Tensor) or value.ndim not in (1, 2) or len(value) != images:
                raise ValueError(
                    f"metric {self.name!r} returned {name} of shape {shape} for {images} images: it has "
                    "to return one value per image (batch), or a row of values per image (batch value)"
                )
        return named
