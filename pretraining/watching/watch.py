"""All that is written down about a training while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from ..data import Collection, open_collection
from .diagnostics import Diagnostics
from .log import Log
from .scalars import Scalars


class Watch:
    """Log and diagnostics of a training in its folder; for the first of several processes.

    Args:
        recipe: of the training.
        collection: training images.
        folder: of the training.
        position: images seen by the checkpoint that the training goes on from; what was written beyond is cut off.
    Raises:
        OSError, ValueError: WATCH.PATH cannot be opened, or the folder not be written to.
    """

    def __init__(self, recipe: CfgNode, collection: Collection, folder: Path, *, position: int = 0) -> None:
        self._scalars = Scalars(folder, position=position)
        self._log = Log(folder, position=position, scalars=self._scalars)
        queries = open_collection(recipe.WATCH.PATH) if recipe.WATCH.PATH else collection
        self._diagnostics = Diagnostics(recipe, collection, queries, folder=folder, position=position)

    def log(self, row: Mapping[str, float]) -> None:
        """One row of the log, as `Log.add` takes it."""
        self._log.add(row)

    def look(self, objective: Any, images_seen: int) -> None:
        """Measure the encoder as it is now."""
        table = self._diagnostics.measured(objective.encoder, images_seen)
        depths = table["depth"].astype(int).astype(str).str.zfill(2)
        names = "diagnostics/" + table["metric"] + "/depth_" + depths
        self._scalars.add(dict(zip(names, table["value"], strict=True)), images_seen)
