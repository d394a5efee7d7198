"""Classes by vote of the nearest neighbours: what a representation knows without training a probe."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from ._precision import full_precision
from ._shapes import require_axes


@full_precision
def knn_predict(
    features: Float[Tensor, "image channel"],
    bank: Float[Tensor, "sample channel"],
    labels: Int[Tensor, " sample"],
    *,
    k: int = 20,
    temperature: float = 0.07,
    weighting: Literal["softmax", "uniform"] = "softmax",
    classes: int | None = None,
    chunk: int = 4096,
) -> Int[Tensor, " image"]:
    """Class of each image by a vote of its k most similar samples.

        class = argmax_c sum_{n in k nearest, labels[n] = c} exp(cos(feature, bank[n]) / temperature)

    Exact search. Between equal cosines the sample that comes first in the bank is nearer, between equal
    votes the smaller class wins. A zero vector has cosine 0 with everything.

    Args:
        features: of the images to classify, one row each.
        bank: features of labelled samples, from the same model, layer and pooling.
        labels: class of each sample, from 0.
        k: number of neighbours.
        temperature: of the weights exp(cosine / temperature); unused when they are uniform.
        weighting: "softmax" as above, "uniform" for one vote a neighbour.
        classes: number of classes; the largest label + 1 by default.
        chunk: images and samples compared at a time, chunk^2 similarities in memory.
    Raises:
        ValueError: k outside 1 ... samples, labels that do not fit bank or classes, a temperature or chunk not
            above 0, unknown weighting, features that are not finite or of unequal length.
    Source: Wu et al. 2018 (arXiv:1805.01978); k = 20 and 0.07 as in Caron et al. 2021 (arXiv:2104.14294).

    >>> bank = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    >>> knn_predict(torch.tensor([[2.0, 0.1], [0.0, 3.0]]), bank, torch.tensor([5, 5, 2]), k=1)
    tensor([5, 2])
    """
    _check(features, bank, labels, k, classes)
    if weighting not in ("softmax", "uniform") or temperature <= 0 or chunk < 1:
        raise ValueError(
            f"weighting={weighting!r}, temperature={temperature}, chunk={chunk}; expected 'softmax' or 'uniform', "
            f"and numbers above 0"
        )
    width = int(labels.max()) + 1 if classes is None else classes
    predicted = torch.zeros(len(features), dtype=torch.long, device=features.device)
    for start in range(0, len(features), chunk):
        cosine, neighbour = _nearest(normalize(features[start : start + chunk], dim=-1), bank, k, chunk)
        votes = _votes(cosine, labels.long()[neighbour], width, temperature if weighting == "softmax" else None)
        predicted[start : start + chunk] = votes.argmax(dim=1)
    return predicted


def _votes(cosine: Tensor, classes: Tensor, width: int, temperature: float | None) -> Tensor:
    """Weight of the votes for each class; every neighbour has one vote where there is no temperature."""
    weights = torch.ones_like(cosine)
    if temperature is not None:
        weights = ((cosine - cosine.amax(dim=1, keepdim=True)) / temperature).exp()
    return weights.new_zeros(len(cosine), width).scatter_add_(1, classes, weights)


def _nearest(images: Tensor, bank: Tensor, k: int, chunk: int) -> tuple[Tensor, Tensor]:
    """Cosines (as float64) and indices of the k nearest in ascending order of index, part by part of the bank."""
    cosine = images.new_zeros(len(images), 0)
    index = torch.zeros(len(images), 0, dtype=torch.long, device=images.device)
    for start in range(0, len(bank), chunk):
        part = images @ normalize(bank[start : start + chunk], dim=-1).T
        numbers = torch.arange(start, start + part.shape[1], device=part.device).expand_as(part)
        cosine, index = torch.cat([cosine, part], dim=1), torch.cat([index, numbers], dim=1)
        places = _first_largest(cosine, min(k, cosine.shape[1]))
        cosine, index = cosine.gather(1, places), index.gather(1, places)
    return cosine.double(), index


def _first_largest(values: Tensor, k: int) -> Tensor:
    """Ascending places of the k largest in each row, the first ones among equals (which topk leaves open)."""
    top = values.topk(k, dim=1)
    places = top.indices
    tied = (values >= top.values[:, -1:]).sum(dim=1) > k
    places[tied] = values[tied].sort(dim=1, descending=True, stable=True).indices[:, :k]
    return places.sort(dim=1).values


def _check(features: Tensor, bank: Tensor, labels: Tensor, k: int, classes: int | None) -> None:
    _check_axes(features, bank, labels)
    if len(labels) != len(bank):
        raise ValueError(f"labels has {len(labels)} entries for {len(bank)} samples in bank; expected one for each")
    if not 1 <= k <= len(bank):
        raise ValueError(f"k={k} with {len(bank)} samples in bank; expected 1 to {len(bank)}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (classes is not None and high >= classes):
        raise ValueError(
            f"labels run from {low} to {high} with classes={classes}; expected 0 to classes - 1. Labels that "
            f"start at 1 need 1 taken off."
        )
    for name, rows in (("features", features), ("bank", bank)):
        bad = int((~rows.isfinite()).any(dim=-1).sum())
        if bad:
            raise ValueError(f"{name} has {bad} of {len(rows)} rows with NaN or infinity; leave them out")


def _check_axes(features: Tensor, bank: Tensor, labels: Tensor) -> None:
    require_axes("features", features, "image channel", leading=False, cure="one pooled vector for each image")
    require_axes("bank", bank, "sample channel", leading=False, cure="one pooled vector for each sample")
    require_axes("labels", labels, "sample", leading=False, cure="class numbers, not one-hot rows")
    if labels.is_floating_point():
        raise ValueError(f"labels has dtype {labels.dtype}; expected whole numbers, the class of each sample: .long()")
    if features.shape[1] != bank.shape[1]:
        raise ValueError(
            f"features has {features.shape[1]} channels, bank {bank.shape[1]}; expected both from the same model, "
            "layer and pooling"
        )
