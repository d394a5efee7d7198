"""Images, views, masks and batches that depend on the seed, the epoch and the image, and on nothing else."""

from .collections import Collection, open_collection
from .loading import batches_from
from .order import RankBatches, steps_per_epoch
from .samples import Samples, sample_maker

__all__ = [
    "Collection",
    "RankBatches",
    "Samples",
    "batches_from",
    "open_collection",
    "sample_maker",
    "steps_per_epoch",
]
