"""Batches of one process, made by workers, from any position of the training on."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from .collections import Collection
from .order import RankBatches
from .samples import Batch, Samples

if TYPE_CHECKING:
    from yacs.config import CfgNode


def batches_from(
    collection: Collection, recipe: CfgNode, *, position: int = 0, rank: int = 0, world: int = 1
) -> Iterable[dict[str, Tensor]]:
    """Micro-batches of one process from `position` to the end of the last epoch.

    What stands in them says `sample_maker`; images are (batch 3 row column), normalised, "index" and "label" int64.
    The values do not depend on the number of workers or processes nor on where the training was resumed, and no global
    random state is read or changed.

    Args:
        collection: the images.
        recipe: of the training.
        position: images seen before, over all processes; a multiple of TRAIN.BATCH.
        rank: of this process.
        world: number of processes.
    Raises:
        ValueError: fewer images than a batch, a batch that cannot be divided, or labels that are missing.
    """
    places = RankBatches(
        count=len(collection),
        batch=recipe.TRAIN.BATCH,
        epochs=recipe.SCHEDULE.EPOCHS,
        seed=recipe.SEED,
        position=position,
        rank=rank,
        world=world,
        accumulate=recipe.TRAIN.ACCUMULATE,
    )
    workers = recipe.DATA.WORKERS
    return DataLoader(
        Samples(collection, recipe),
        batch_sampler=places,  # pyright: ignore[reportArgumentType]
        collate_fn=Batch(recipe.DATA.MEAN, recipe.DATA.STD),
        num_workers=workers,
        multiprocessing_context=_context() if workers else None,
        worker_init_fn=_deaf,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),
    )


def _deaf(worker: int) -> None:
    """A worker leaves signals that reach the whole group to its parent, which saves first and then ends it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def _context() -> str | None:
    """Forked workers share the pictures in memory; they touch no GPU, so fork is safe after its start."""
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else None
