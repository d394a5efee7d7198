"""SIGTERM as a wish to save and exit, which the loop grants between two steps."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from study.processes import Process, agreed

SLOW = 0.5  # seconds: ten such steps, a period, and the save stay well below torchrun's 30


@dataclasses.dataclass
class Wish:
    """Whether somebody asked the training to stop."""

    stop: bool = False

    def heard(self, number: int, frame: FrameType | None) -> None:
        self.stop = True


class Listening:
    """Whether all processes stop: they ask each other at the end of a period, and after each step where steps are slow.

    torchrun kills 30 seconds after SIGTERM, and asking costs a GPU its head start, so that fast steps are not asked.

    Args:
        wish: of this process.
        here: this process.
    """

    def __init__(self, wish: Wish, here: Process) -> None:
        self.wish, self.here = wish, here
        self.slow = True  # until it is known

    def timed(self, seconds: float) -> None:
        """Decide for the coming period by the mean seconds of a step in this one; all processes call it together."""
        self.slow = agreed(seconds > SLOW, self.here.device)

    def stop(self, period_ends: bool) -> bool:
        """The answer after a step, the same in all processes."""
        if self.here.world == 1:
            return self.wish.stop
        return (period_ends or self.slow) and agreed(self.wish.stop, self.here.device)


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
