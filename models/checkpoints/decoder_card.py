"""What a decoder's weights do not say of themselves: how it was trained, and of an export where it stands."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .card import INSIDE
from .checkpoint import Checkpoint

SUFFIX = "_decoder.safetensors"


@dataclasses.dataclass(frozen=True)
class DecoderCard:
    """How a decoder was trained.

    Attributes:
        method: mae (a stack of blocks) or simmim (one linear layer, of hybrids too).
        num_heads: of each block; None without blocks.
        normalised: whether the target's pixels were normalised once more within each patch.
        ratio: share of the patches that was masked.
        mask_patch: side of a masked block in pixels; None where single patches were masked.
    """

    method: str
    num_heads: int | None
    normalised: bool
    ratio: float
    mask_patch: int | None


def decoder_beside(encoder: Path) -> Path | None:
    """The file of the decoder of an exported or packaged encoder: NAME_decoder.safetensors beside NAME.safetensors."""
    file = encoder.with_name(f"{encoder.stem}{SUFFIX}")
    return file if file.is_file() else None


def decoder_card(checkpoint: Checkpoint) -> DecoderCard | None:
    """The entry `decoder` of the JSON card beside a file, else what this project's training wrote into it; or None."""
    told = _told(checkpoint.path.with_suffix(".json"))
    if told is not None:
        return told
    known: Any = checkpoint.payload.get(INSIDE)
    return _of_training(known) if isinstance(known, Mapping) else None


def _told(file: Path) -> DecoderCard | None:
    """The entry of a JSON card; None where there is no card, or one of something else."""
    if not file.is_file():
        return None
    try:
        return DecoderCard(**json.loads(file.read_text(encoding="utf-8"))["decoder"])
    except (ValueError, TypeError, KeyError):
        return None


def _of_training(known: Mapping[str, Any]) -> DecoderCard | None:
    """From the recipe that a training of this project wrote into its checkpoint."""
    recipe = known.get("recipe", "")
    if known.get("method") == "mae":
        return DecoderCard(
            method="mae",
            num_heads=int(_setting(recipe, "MAE", "DECODER_HEADS")),
            normalised=_setting(recipe, "MAE", "NORM_PIXELS") == "true",
            ratio=float(_setting(recipe, "MAE", "RATIO")),
            mask_patch=None,
        )
    if known.get("method") in {"simmim", "hybrid"}:
        ratio, block = float(_setting(recipe, "SIMMIM", "RATIO")), int(_setting(recipe, "SIMMIM", "MASK_PATCH"))
        return DecoderCard(method="simmim", num_heads=None, normalised=False, ratio=ratio, mask_patch=block)
    return None


def _setting(recipe: str, section: str, key: str) -> str:
    """One value of a recipe's text, which is YAML of two levels with every value written out.

    >>> _setting("MAE:\\n  RATIO: 0.75\\n  NORM_PIXELS: true\\nDATA:\\n  PATH: ''\\n", "MAE", "NORM_PIXELS")
    'true'
    """
    found = re.search(rf"^{section}:\n(?:  .*\n)*?  {key}: (.*)$", recipe, flags=re.MULTILINE)
    if found is None:
        raise ValueError(f"the recipe inside the checkpoint has no {section}.{key}; it is of another version")
    return found.group(1)
