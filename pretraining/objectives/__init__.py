"""What is learned: the pre-training methods, each from batches of images to a loss."""

from .build import METHODS, build_objective
from .objective import Batch, Objective

__all__ = ["METHODS", "Batch", "Objective", "build_objective"]
