"""Which images have neighbours of their own class: a table of right and wrong votes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from ops import knn_predict
from study.data import Images
from study.neighbours import NEIGHBOURS, neighbour_features
from study.record import COLUMNS

from ..settings import Settings
from .models_and_images import batches_of, placed

METRICS = ["knn_patches", "knn_class_token"]


def neighbour_votes(
    name: str, model: nn.Module, images: Images, settings: Settings, device: torch.device
) -> pd.DataFrame:
    """One row for each image and kind of feature: 1 where its neighbours vote for its class, else 0.

    Two folds: images of even number vote for those of odd number, and the other way round.

    Args:
        name: of the model in the table.
        model: a timm ViT.
        images: with labels.
        settings: of the run.
        device: to run on.
    """
    features = _features(model, images, settings, device)
    labels = torch.tensor(images.labels)
    depth = len(model.blocks)  # pyright: ignore[reportArgumentType]
    tables = [
        pd.DataFrame({"image": range(len(images)), "metric": metric, "value": _right(values, labels).double().numpy()})
        for metric, values in features.items()
    ]
    table = pd.concat(tables, ignore_index=True).assign(model=name, depth=depth, head=None, component=0, convention="")
    return table[list(COLUMNS)]


def _right(features: Tensor, labels: Tensor) -> Tensor:
    """Whether the vote of the other half is each image's class."""
    right = torch.zeros(len(labels), dtype=torch.bool)
    halves = torch.arange(0, len(labels), 2), torch.arange(1, len(labels), 2)
    for asked, voting in (halves, halves[::-1]):
        k = min(NEIGHBOURS, len(voting))
        found = knn_predict(features[asked], features[voting], labels[voting], k=k, classes=int(labels.max()) + 1)
        right[asked] = found == labels[asked]
    return right


@torch.inference_mode()
def _features(model: Any, images: Images, settings: Settings, device: torch.device) -> dict[str, Tensor]:
    with placed(model, settings, device):
        return neighbour_features(model, (batch for batch, _ in batches_of("neighbours", model, images, settings)))
