"""How well an encoder's features tell classes apart, without training a probe."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ops import knn_predict

from .samples import Samples

BATCH = 128
NEIGHBOURS = 20


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
    samples, images = _features(encoder, bank), _features(encoder, queries)
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


def _features(encoder: Any, samples: Samples) -> dict[str, Float[Tensor, "image channel"]]:
    """Features of all samples by kind, on the CPU."""
    first = next(encoder.parameters())
    parts: dict[str, list[Tensor]] = {}
    for images in samples.batches(BATCH):
        tokens = encoder.forward_features(images.to(first.device, first.dtype))
        for name, values in pooled_features(tokens, encoder.num_prefix_tokens).items():
            parts.setdefault(name, []).append(values.float().cpu())
    return {name: torch.cat(values) for name, values in parts.items()}


def pooled_features(
    tokens: Float[Tensor, "batch token channel"], prefix: int
) -> dict[str, Float[Tensor, "batch channel"]]:
    """One vector for each image by kind of feature: the mean of the patch tokens, and the class token where it exists.

    Args:
        tokens: after the last norm, `prefix` of them in front of the patches.
        prefix: number of tokens in front, the class token first.
    """
    pooled = {"knn_patches": tokens[:, prefix:].mean(1)}
    return {**pooled, "knn_class_token": tokens[:, 0]} if prefix else pooled
