"""What every loaded model carries: eval mode, the preprocessing of its weights, and their passport."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from torch import nn

from ..layout import pair, token_layout
from ..weights.registry import Weights
from .blueprint import Sizes
from .card import Card
from .families import Family
from .heads import heads_of, plausible_heads
from .passport import Passport, passport
from .reading import Reading


def data_config(source: Family | Weights | Card, img_size: tuple[int, int], classes: int) -> dict[str, Any]:
    """timm's `pretrained_cfg` for weights that were evaluated as `source` says.

    Args:
        source: where mean, std, interpolation and crop come from.
        img_size: (height, width) of the model's images in pixels.
        classes: outputs of the classifier, 0 without one.
    """
    return {
        "architecture": source.name,
        "input_size": (3, *img_size),
        "fixed_input_size": True,
        "mean": tuple(source.mean),
        "std": tuple(source.std),
        "interpolation": source.interpolation,
        "crop_pct": source.crop_pct,
        "crop_mode": "center",
        "num_classes": classes,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
    }


def dress(model: Any, config: dict[str, Any], known: Passport) -> nn.Module:
    """The model in eval mode with `pretrained_cfg`, as timm has it, and `passport`."""
    model.pretrained_cfg = model.default_cfg = config
    model.passport = known
    return model.eval()


def published_passport(reading: Reading, path: Path, size: Sizes, heads: int | None, weights: Weights) -> Passport:
    """The passport of published weights, with what the registry knows of them."""
    return dataclasses.replace(
        passport(reading, path, size, heads=heads),
        family=weights.family,
        title=weights.method,
        saw_labels=weights.saw_labels,
        licence=weights.licence,
        note=weights.note,
    )


def model_passport(model: Any, weights: Weights | None, *, pretrained: bool) -> Passport:
    """The passport of a timm model without a file of ours: timm keeps the weights, or there are none."""
    layout = token_layout(model)
    own = getattr(model, "pretrained_cfg", {})
    return Passport(
        path=None,
        family="timm" if weights is None else weights.family,
        title=own.get("architecture", "ViT") if weights is None else weights.method,
        format="weights hosted by timm" if pretrained else "untrained",
        part="model",
        dim=model.embed_dim,
        depth=len(model.blocks),
        heads=heads_of(model),
        head_choices=tuple(plausible_heads(model.embed_dim)),
        patch_size=pair(layout.patch_size),
        grid=layout.grid,
        prefix=layout.prefix,
        classes=model.num_classes,
        used={},
        renamed={},
        dropped={},
        saw_labels=False if not pretrained else None if weights is None else weights.saw_labels,
        licence=own.get("license") if weights is None else weights.licence,
        sha256=None,
        bytes=None,
        note="" if weights is None else weights.note,
    )
