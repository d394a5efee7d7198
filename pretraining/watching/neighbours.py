"""How well an encoder's features tell classes apart, without training a probe."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ops import knn_predict
from study.neighbours import NEIGHBOURS, neighbour_features

from .samples import Samples

BATCH = 128


def knn_accuracy(encoder: nn.Module, bank: Samples, queries: Samples) -> dict[str, float]:
    """Share of queries whose class the nearest neighbours in the bank vote for, by kind of feature; 0 to 1.

    Args:
        encoder: of timm, in eval mode.
        bank: labelled images that vote.
        queries: labelled images of the same classes.
    Returns:
        `knn_patches` (mean of the patch tokens) and, where there is one, `knn_class_token`, both after the last norm.
    Raises:
        ValueError: a collection has no labels, or the queries are of a class that the bank's collection does not have.
    Source: Wu et al. 2018 (arXiv:1805.01978), k = 20 and temperature 0.07; here on features of the training's encoder.
    """
    votes, truth = _labels(bank), _translated(queries, bank)
    samples, images = (
        neighbour_features(encoder, bank.batches(BATCH)),
        neighbour_features(encoder, queries.batches(BATCH)),
    )
    k = min(NEIGHBOURS, len(bank))
    classes = len(bank.collection.classes)
    return {
        name: (knn_predict(images[name], samples[name], votes, k=k, classes=classes) == truth).double().mean().item()
        for name in samples
    }


def _labels(samples: Samples) -> Tensor:
    if samples.collection.labels is None:
        raise ValueError(f"{samples.collection.where} has no labels; expected images in a folder for each class")
    return torch.tensor([samples.collection.labels[index] for index in samples.indices])


def _translated(queries: Samples, bank: Samples) -> Tensor:
    """Classes of the queries by the bank's numbers."""
    names, known = queries.collection.classes, {name: n for n, name in enumerate(bank.collection.classes)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"WATCH.PATH has the classes {', '.join(unknown[:5])}, which the training images do not have "
            f"({', '.join(list(known)[:5])}, ...): give images of the same classes"
        )
    return torch.tensor([known[names[label]] for label in _labels(queries).tolist()])
