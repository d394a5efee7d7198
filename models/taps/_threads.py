"""Several operators at once on a CPU, one thread for each, instead of all threads for one operator after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextlib.contextmanager
def each_alone(threads: int) -> Iterator[Map]:
    """A `map` over so many threads, in each of which torch computes with one; Python's own for a single thread.

    Results come in order. Gradients are off in the threads, and inference mode is as it was outside.
    """
    if threads == 1:
        yield map
        return
    inference, outside = torch.is_inference_mode_enabled(), torch.get_num_threads()
    with ThreadPoolExecutor(threads, "attention", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield lambda function, items: pool.map(_without_gradients(function, inference), items)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(outside)  # of threads that have not begun yet; a running one has its own number


def _without_gradients(function: Callable[[Any], Any], inference: bool) -> Callable[[Any], Any]:
    def call(item: Any) -> Any:
        with torch.inference_mode(inference), torch.no_grad():
            return function(item)

    return call
