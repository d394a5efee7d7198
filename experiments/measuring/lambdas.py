"""Weight of the contrastive loss in the training of a model: 0 masked, 1 contrastive, between them the hybrid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ENDS = {"simmim": 0.0, "mocov3": 1.0}
"""By method of a recipe, which is also the family of published weights."""


def lambdas(loaded: Mapping[str, Any]) -> tuple[dict[str, float], list[str]]:
    """Lambda by model, and a sentence for each model of which it is not known.

    Args:
        loaded: models of `load_model`, whose passport names family and file.
    """
    found = {name: lambda_of(model) for name, model in loaded.items()}
    unknown = [
        f"{name}: no lambda is known, as its weights say neither that they are SimMIM's, nor MoCo-v3's, nor a hybrid's."
        for name, weight in found.items()
        if weight is None
    ]
    return {name: weight for name, weight in found.items() if weight is not None}, unknown


def lambda_of(model: Any) -> float | None:
    """Lambda of one model: of its recipe, in the card beside its file or inside it, else of its family; or None."""
    known = model.passport
    recipe = None if known.path is None else _recipe(Path(known.path))
    if recipe is None:
        return ENDS.get(known.family)
    return float(recipe["HYBRID"]["LAMBDA"]) if recipe["METHOD"] == "hybrid" else ENDS.get(recipe["METHOD"])


def _recipe(file: Path) -> Mapping[str, Any] | None:
    """The recipe that a file was trained with; None where neither card nor checkpoint tells it."""
    from yacs.config import CfgNode

    text = _text_beside(file) or _text_inside(file)
    recipe = CfgNode.load_cfg(text) if text else {}
    return recipe if "METHOD" in recipe else None


def _text_beside(file: Path) -> str | None:
    card = file.with_suffix(".json")
    if not card.is_file():
        return None
    content = json.loads(card.read_text(encoding="utf-8"))
    return content.get("recipe") if isinstance(content, dict) else None


def _text_inside(file: Path) -> str | None:
    """Of a checkpoint that this project's pretraining wrote."""
    from models.checkpoints.card import INSIDE
    from models.checkpoints.checkpoint import read_checkpoint

    if file.suffix == ".safetensors":
        return None
    known = read_checkpoint(file).payload.get(INSIDE)
    return known.get("recipe") if isinstance(known, Mapping) else None
