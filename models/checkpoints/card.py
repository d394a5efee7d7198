"""The JSON card beside the weights of a miniature, which says what their shapes do not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Card:
    """What stands in the JSON card beside the weights of a miniature."""

    name: str
    num_heads: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    saw_labels: bool | None
    licence: str | None
    note: str
    interpolation: str
    crop_pct: float


def card_beside(path: Path) -> Card | None:
    """The card of a miniature: a JSON file of the same stem with an `architecture`; None without one."""
    file = path.with_suffix(".json")
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:  # a JSON file of something else
        return None
    if not isinstance(content, dict) or not {"architecture", "mean", "std"} <= content.keys():
        return None
    return Card(
        name=path.stem,
        num_heads=content["architecture"]["num_heads"],
        mean=tuple(content["mean"]),
        std=tuple(content["std"]),
        saw_labels=content.get("labels_seen"),
        licence=content.get("licence"),
        note=content.get("method", ""),
        interpolation=content.get("interpolation", "bicubic"),
        crop_pct=content.get("crop_pct", 1.0),
    )
