"""Watching a training: its log, what its encoder learns, and the figures of both."""

from .diagnostics import Diagnostics
from .log import Log
from .plot import plot_run
from .watch import Watch

__all__ = ["Diagnostics", "Log", "Watch", "plot_run"]
