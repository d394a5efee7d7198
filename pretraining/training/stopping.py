"""SIGTERM as a wish to save and exit, which the loop grants between two steps."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@dataclasses.dataclass
class Wish:
    """Whether somebody asked the training to stop."""

    stop: bool = False

    def heard(self, number: int, frame: FrameType | None) -> None:
        self.stop = True


@contextlib.contextmanager
def stop_wish() -> Iterator[Wish]:
    """Listens for SIGTERM while the block runs; outside the main thread nobody can."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = signal.signal(signal.SIGTERM, wish.heard)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGTERM, before)
