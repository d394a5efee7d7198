"""Metrics that add up over queries, so that attention can be measured a block of queries at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar, cast, runtime_checkable

from torch import Tensor

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value", covariant=True)


@dataclass(frozen=True)
class QuerySums:
    """The two halves of a metric that is a function of sums over queries.

    `sums(attention_rows, *, queries, **options)` takes the rows of the tokens in the slice `queries` (prefix
    tokens counted) with all their keys and returns (*batch head feature), additive over disjoint blocks; one
    that has a use for them also takes, from a caller who has them, `logits=`, what the rows are the softmax of;
    `found=` and `found_of_queries=`, dicts in which the metrics of the same rows, and those of all heads' rows of the
    same queries, leave each other what they have found; `spare=`, a tensor like the rows to write over;
    `finish(total, **options)` turns the sum over all blocks into the metric. Both take all the options of
    the metric itself, given in full.
    """

    sums: Callable[..., Tensor]
    finish: Callable[..., Any]


@runtime_checkable
class OverQueries(Protocol[Arguments, Value]):
    """A metric that carries the `QuerySums` it is made of."""

    over_queries: QuerySums

    def __call__(self, *args: Arguments.args, **options: Arguments.kwargs) -> Value: ...


def over_queries(sums: Callable[..., Tensor], finish: Callable[..., Any]):
    """Decorator that attaches `QuerySums(sums, finish)` to a metric as its attribute `over_queries`."""

    def attach(metric: Callable[Arguments, Value]) -> OverQueries[Arguments, Value]:
        marked = cast(OverQueries[Arguments, Value], metric)
        marked.over_queries = QuerySums(sums, finish)
        return marked

    return attach


def only_feature(total: Tensor, **_options: object) -> Tensor:
    """`finish` of a metric whose sum is the metric: its one feature, (*batch head)."""
    return total[..., 0]
