"""The paper's diagnostics of the encoder, again and again while it learns."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn
from yacs.config import CfgNode

import ops
from models import measure

from .neighbours import knn_accuracy
from .samples import View, bank_and_queries, evenly
from .table import Table
from .untouched import untouched

DIAGNOSTICS = "diagnostics.csv"
BATCH = 64
CONVENTIONS: dict[str, Any] = {"attention_distance": "park2023", "attention_nmi": "park2023"}
"""Of those metrics of which more than one is in use; the others have one definition."""

METRICS = {
    "attention_distance": partial(ops.attention_distance, convention=CONVENTIONS["attention_distance"]),
    "attention_nmi": partial(ops.attention_nmi, convention=CONVENTIONS["attention_nmi"]),
    "token_similarity": ops.token_similarity,
    "relative_log_amplitude": ops.relative_log_amplitude,
}
COLUMNS = ("images", "metric", "depth", "value", "convention")


class Diagnostics:
    """What is measured on fixed images at some positions of a training, in `diagnostics.csv`.

    Args:
        recipe: of the training; its WATCH node says on how many images.
        collection: training images; without labels no neighbours are asked.
        queries: images to measure on and to classify; the training images by default, none of which is then among its
            own neighbours.
        folder: where the table grows; None writes none.
        position: images seen by the checkpoint that the training goes on from; rows beyond are cut off.
    """

    def __init__(
        self,
        recipe: CfgNode,
        collection: Any,
        queries: Any = None,
        *,
        folder: str | os.PathLike[str] | None = None,
        position: int = 0,
    ) -> None:
        view, watch = View.of(recipe), recipe.WATCH
        queries = collection if queries is None else queries
        self._samples = evenly(queries, watch.IMAGES, view)
        self._labelled = bool(collection.classes and queries.classes) and watch.KNN_BANK > 0 and watch.KNN_QUERIES > 0
        self._bank, self._queries = bank_and_queries(
            collection, queries, max(1, watch.KNN_BANK), max(1, watch.KNN_QUERIES), view
        )
        self._table = None if folder is None else Table(Path(folder) / DIAGNOSTICS, position=position)

    def measured(self, encoder: nn.Module, images_seen: int) -> pd.DataFrame:
        """Means over images and heads; mode, gradients and random state of the training stay as they are.

        Args:
            encoder: of timm.
            images_seen: position in the training.
        Returns:
            Rows (images, metric, depth, value, convention): attention_distance in pixels and attention_nmi for depths
            1 ... L, token_similarity and relative_log_amplitude at the highest frequency (nats) for depths 0 ... L, and
            knn_patches and knn_class_token (share of right votes) at depth L where there are labels. Tables of earlier
            versions lack the convention, which was the same.
        """
        with untouched(encoder):
            table = _per_layer(measure(encoder, self._samples.batches(BATCH), METRICS, progress=False))
            voted = knn_accuracy(encoder, self._bank, self._queries) if self._labelled else {}
        last = table["depth"].max()
        votes = pd.DataFrame([{"metric": name, "depth": last, "value": value} for name, value in voted.items()])
        table = pd.concat([table, votes], ignore_index=True).assign(images=images_seen)
        table = table.assign(convention=table["metric"].map(CONVENTIONS).fillna(""))[list(COLUMNS)]
        if self._table is not None:
            self._table.append(table.to_dict("records"))
        return table


def _per_layer(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of each metric's last component over heads and images."""
    last = table.groupby("metric", observed=True)["component"].transform("max")
    rows = table[table["component"] == last].astype({"metric": str})
    return rows.groupby(["metric", "depth"], as_index=False)["value"].mean()
