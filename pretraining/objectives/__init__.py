"""What is learned: the methods, each from batches of images to a loss."""

from .build import build_objective
from .objective import Batch, Objective

__all__ = ["Batch", "Objective", "build_objective"]
