"""Dense probes of one model on test images: lines of the table, and predicted masks to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from tqdm.auto import tqdm

from .evaluation import Confusion, class_iou, confusion, confusion_interval, mean_iou, pixel_accuracy, predicted_classes
from .probe import DenseProbe
from .tokens import PatchTokens
from .truth import Truth

POOLING, HEAD = "tokens", "dense_linear"
SCORES = {"miou": mean_iou, "pixel_accuracy": pixel_accuracy}


@torch.no_grad()
def confusions(
    probe: DenseProbe, tokens: PatchTokens, truth: Truth, *, batch_size: int = 16, progress: bool = True
) -> Int64[Tensor, "layer image class class"]:
    """Confusion counts of each test image at each layer.

    Args:
        probe: of these layers.
        tokens: of the test images.
        truth: their masks.
        batch_size: images at once.
        progress: show a bar.
    Raises:
        ValueError: no pixel of the masks has a class.
    """
    classes, device, found = probe.weight.shape[1], probe.weight.device, []
    starts = range(0, len(tokens), batch_size)
    for start in tqdm(starts, desc="segmentation", unit="batch", disable=not progress):
        images = range(start, min(start + batch_size, len(tokens)))
        masks = truth.masks(images).to(device)
        logits = probe.logits(tokens.batch(images).to(device, torch.float32))
        found.append(torch.stack([confusion(masks, predicted_classes(z, tokens.layout), classes) for z in logits]))
    counts = torch.cat(found, dim=1).cpu()
    if not counts.any():
        raise ValueError(f"no pixel of the masks of {truth.pairs.where} has a class: all are void")
    return counts


@torch.no_grad()
def predicted_masks(
    probe: DenseProbe, tokens: PatchTokens, images: Sequence[int], place: int
) -> UInt8[Tensor, "image row column"]:
    """Predicted classes of some images at the layer that stands at a place in the probe."""
    batch = tokens.batch(images).to(probe.weight.device, torch.float32)
    return predicted_classes(probe.logits(batch)[place], tokens.layout).cpu()


def table_rows(
    counts: Int64[Tensor, "layer image class class"], *, model: str, layers: Sequence[int], recipe: str
) -> list[dict[str, Any]]:
    """Lines of the table: mean intersection over union and pixel accuracy of each layer, with intervals.

    Both are of all pixels together, and so are their intervals: no means over images.

    Args:
        counts: confusion of each image at each layer.
        model: its name.
        layers: in the order of the counts.
        recipe: how the probes were trained.
    """
    return [
        _row(counts[place], model, layer, metric, recipe) for metric in SCORES for place, layer in enumerate(layers)
    ]


def _row(counts: Confusion, model: str, layer: int, metric: str, recipe: str) -> dict[str, Any]:
    score = SCORES[metric]
    low, high = confusion_interval(counts, score)
    known = {"model": model, "layer": layer, "pooling": POOLING, "head": HEAD, "metric": metric}
    value = score(counts.sum(0)).item()
    return {**known, "value": value, "low": low, "high": high, "images": len(counts), "recipe": recipe}


def class_ious(
    counts: Int64[Tensor, "layer image class class"], layers: Sequence[int], classes: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """Intersection over union of each class by layer; None for classes that do not occur."""
    found = class_iou(counts.sum(1)).tolist()
    return {
        str(layer): {name: None if value != value else value for name, value in zip(classes, values, strict=True)}
        for layer, values in zip(layers, found, strict=True)
    }


def best_place(counts: Int64[Tensor, "layer image class class"]) -> int:
    """Place of the layer with the highest mean intersection over union on these very images."""
    return int(mean_iou(counts.sum(1)).argmax())
