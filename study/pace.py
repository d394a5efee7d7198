"""How fast images pass: of the model alone, of the loader alone, and of both together."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from PIL import Image


@dataclasses.dataclass(frozen=True)
class Pace:
    """Seconds that images took; those of several passes or processes add up.

    Attributes:
        images: how many passed.
        model: seconds in the model and its metrics, on the device.
        loader: seconds of reading and transforming, in whichever process.
        whole: seconds from the first to the last, writing and waiting included.
    """

    images: int = 0
    model: float = 0.0
    loader: float = 0.0
    whole: float = 0.0

    def __add__(self, other: Pace) -> Pace:
        return Pace(*(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)))

    def speeds(self, *, processes: int, workers: int) -> dict[str, float]:
        """Images per second of all processes together; none where nothing passed.

        Args:
            processes: whose seconds in model and loader were added up; `whole` is that of one.
            workers: of each, that read images; 0 reads in the process itself.
        """
        if not (self.images and self.model and self.loader and self.whole):
            return {}
        seconds = {
            "whole": self.whole,
            "model": self.model / processes,
            "loader": self.loader / processes / max(workers, 1),
        }
        return {name: round(self.images / taken, 1) for name, taken in seconds.items()}


class Clock:
    """Times a loader and what is done between its batches."""

    def __init__(self) -> None:
        self._loading = multiprocessing.Value("d", 0.0)  # workers add to it
        self._waited = 0.0
        self._images = 0
        self._model = 0.0

    @property
    def pace(self) -> Pace:
        """So far, without `whole`."""
        return Pace(self._images, self._model, self._loading.value)

    def transform(self, read: Callable[[int], Image.Image], transform: Callable[[Image.Image], Any], index: int) -> Any:
        """One image read and transformed."""
        started = time.perf_counter()
        found = transform(read(index))
        with self._loading.get_lock():
            self._loading.value += time.perf_counter() - started
        return found

    def batches(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The loader's batches; the time in which one is waited for is not the model's."""
        stream = iter(loader)
        while True:
            started = time.perf_counter()
            batch = next(stream, None)
            self._waited += time.perf_counter() - started
            if batch is None:
                return
            yield batch

    def of_model(self, measure: Callable[[], Any], images: int, synchronise: Callable[[], None]) -> Any:
        """What `measure` returns; its time, less that in which it waited for batches, is the model's."""
        started, waited = time.perf_counter(), self._waited
        found = measure()
        synchronise()
        self._model += time.perf_counter() - started - (self._waited - waited)
        self._images += images
        return found
