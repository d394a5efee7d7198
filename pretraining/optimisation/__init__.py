"""Optimisers, their parameter groups and their learning rates."""

from .optimiser import build_optimiser, set_learning_rate
from .schedules import learning_rate, moco_momentum

__all__ = ["build_optimiser", "learning_rate", "moco_momentum", "set_learning_rate"]
