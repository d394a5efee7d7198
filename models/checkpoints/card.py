"""What the shapes of weights do not say: a JSON card beside the file, or this project's own entry inside it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .checkpoint import Checkpoint
from .families import FAMILIES

INSIDE = "vit_anatomy"
"""Entry of the checkpoints that this project's pretraining writes; of it, num_heads, mean, std and keys are read."""


@dataclasses.dataclass(frozen=True)
class Card:
    """What is known of weights beside their shapes.

    Attributes:
        name: of the file, without its ending.
        family: of the method that the card's recipe names; None where the file's keys tell it.
        num_heads: of the encoder.
        mean, std, interpolation, crop_pct: of the preprocessing.
        saw_labels: whether labels touched the weights; None where the card does not say.
        licence: None where not known.
        note: how they were trained.
        beside: whether it is a file of its own, which names the weights.
        keys: family whose rules read the file's keys, where these do not tell it themselves.
    """

    name: str
    family: str | None
    num_heads: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    saw_labels: bool | None
    licence: str | None
    note: str
    beside: bool = False
    interpolation: str = "bicubic"
    crop_pct: float = 1.0
    keys: str | None = None


def keys_of(card: Card | None) -> str | None:
    """Family whose rules read a file's keys, where its card says so."""
    return None if card is None else card.keys


def card_of(checkpoint: Checkpoint) -> Card | None:
    """The card of a checkpoint: this project's entry inside it, else the JSON file beside it; None without either."""
    return card_inside(checkpoint) or card_beside(checkpoint.path)


def card_inside(checkpoint: Checkpoint) -> Card | None:
    """What this project's pretraining wrote beside the weights; None in files of others.

    Raises:
        ValueError: the entry lacks one of num_heads, mean and std.
    """
    known: Any = checkpoint.payload.get(INSIDE)
    if not isinstance(known, Mapping):
        return None
    missing = [name for name in ("num_heads", "mean", "std") if name not in known]
    if missing:
        raise ValueError(f"{checkpoint.path}: entry {INSIDE!r} has no {', '.join(missing)}; it is of another version")
    return Card(
        name=checkpoint.path.stem,
        family=None,
        num_heads=known["num_heads"],
        mean=tuple(known["mean"]),
        std=tuple(known["std"]),
        saw_labels=None,
        licence=None,
        note=f"trained by this project's pretraining, {known.get('images_seen', 0):,} images seen",
        keys=known.get("keys"),
    )


def card_beside(path: Path) -> Card | None:
    """The JSON file of the same stem with an `architecture`, as exports and miniatures have it; None without one."""
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
        family=_trained_by(str(content.get("recipe", ""))),
        num_heads=content["architecture"]["num_heads"],
        mean=tuple(content["mean"]),
        std=tuple(content["std"]),
        saw_labels=content.get("labels_seen"),
        licence=content.get("licence"),
        note=content.get("method", ""),
        beside=True,
        interpolation=content.get("interpolation", "bicubic"),
        crop_pct=content.get("crop_pct", 1.0),
        keys=content.get("keys"),
    )


def _trained_by(recipe: str) -> str | None:
    """Family of a recipe's method; None for methods that have none, such as the supervised one.

    >>> _trained_by("METHOD: simmim\\nSEED: 0\\n")
    'simmim'
    """
    found = re.search(r"^METHOD: (\w+)$", recipe, flags=re.MULTILINE)
    return found.group(1) if found is not None and found.group(1) in FAMILIES else None
