"""All that is written down about a training while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from yacs.config import CfgNode

from study.data import subset

from ..data import Collection, Samples, open_collection
from ..data.samples import Batch
from ..methods import METHODS
from .diagnostics import Diagnostics
from .log import Log
from .reconstructions import mosaic, picture_file, reconstructions
from .scalars import Scalars

PICTURES = 8
FOLDER = "reconstructions"


class Watch:
    """Log, diagnostics and painted pictures of a training in its folder; for the first of several processes.

    Args:
        recipe: of the training.
        collection: training images.
        folder: of the training.
        position: images seen by the checkpoint that the training goes on from; what was written beyond is cut off.
    Raises:
        OSError, ValueError: WATCH.PATH cannot be opened, or the folder not be written to.
    """

    def __init__(self, recipe: CfgNode, collection: Collection, folder: Path, *, position: int = 0) -> None:
        self._recipe, self._folder = recipe, folder
        self._scalars = Scalars(folder, position=position)
        self._log = Log(folder, position=position, scalars=self._scalars)
        queries = open_collection(recipe.WATCH.PATH) if recipe.WATCH.PATH else collection
        self._diagnostics = Diagnostics(recipe, collection, queries, folder=folder, position=position)
        self._batch = _batch(recipe, queries) if METHODS[recipe.METHOD].paints else None

    def log(self, row: Mapping[str, float]) -> None:
        """One row of the log, as `Log.add` takes it."""
        self._log.add(row)

    def look(self, objective: Any, images_seen: int) -> None:
        """Measure the encoder as it is now, and draw what the method paints on always the same images."""
        table = self._diagnostics.measured(objective.encoder, images_seen)
        depths = table["depth"].astype(int).astype(str).str.zfill(2)
        names = "diagnostics/" + table["metric"] + "/depth_" + depths
        self._scalars.add(dict(zip(names, table["value"], strict=True)), images_seen)
        if self._batch is not None:
            self._draw(objective, self._batch, images_seen)

    def _draw(self, objective: Any, batch: Mapping[str, Tensor], images_seen: int) -> None:
        tiles = reconstructions(objective, batch, self._recipe.DATA.MEAN, self._recipe.DATA.STD)
        if tiles is None:
            return
        (self._folder / FOLDER).mkdir(exist_ok=True)
        picture_file(tiles, self._folder / FOLDER / f"{images_seen:010d}.png")
        self._scalars.add_picture("reconstructions", mosaic(tiles), images_seen)


def _batch(recipe: CfgNode, collection: Collection) -> dict[str, Tensor]:
    """The same few images in the same views, with the same masks, at every look."""
    samples = Samples(collection, recipe)
    chosen = subset(len(collection), PICTURES, None)
    return Batch(recipe.DATA.MEAN, recipe.DATA.STD)([samples[(0, index)] for index in chosen])
