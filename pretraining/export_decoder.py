"""What paints behind the mask, from a training's checkpoint to a file beside the exported encoder."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from models.checkpoints.card import INSIDE as OURS
from models.checkpoints.checkpoint import read_checkpoint, sha256
from models.checkpoints.decoder_card import SUFFIX, decoder_card
from study.atomic import replacing

from .export import without_folders

OF_MAE = ("mask_token", "decoder_")
OF_SIMMIM = ("encoder.mask_token", "decoder.", "decoder_blocks.")


def export_decoder(checkpoint: str | os.PathLike[str], encoder: str | os.PathLike[str]) -> list[Path]:
    """Write MAE's decoder or SimMIM's head beside an exported encoder, under the official names, in float32.

    The encoder NAME.safetensors gets NAME_decoder.safetensors and its card, which `models.load_decoder` and
    `models.pixel_head.load_pixel_head` find by the encoder's path.

    Args:
        checkpoint: file of this project's pretraining.
        encoder: that `export` wrote from it.
    Returns:
        Paths of weights and card.
    Raises:
        OSError: a file cannot be read or written.
        ValueError: the method paints nothing.
    """
    read, encoder = read_checkpoint(checkpoint), Path(encoder)
    card, known = decoder_card(read), read.payload.get(OURS)
    if card is None or known is None:
        raise ValueError(f"{read.path}: no decoder to export; expected a checkpoint of mae, simmim or hybrid")
    state = _painting(read.payload["model"], OF_MAE if card.method == "mae" else OF_SIMMIM)
    out = encoder.with_name(f"{encoder.stem}{SUFFIX}")
    with replacing(out) as part:
        save_file(state, part, metadata={"format": "pt"})
    told: dict[str, Any] = {
        "decoder": dataclasses.asdict(card),
        "encoder": encoder.name,
        "encoder_sha256": sha256(encoder),
        "images_seen": known["images_seen"],
        "command": without_folders(known["command"]),
        **{name: value for name, value in _card_of(encoder).items() if name == "licence"},
    }
    with replacing(out.with_suffix(".json")) as part:
        part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return [out, out.with_suffix(".json")]


def _painting(weights: dict[str, Tensor], prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: value.float().contiguous() for name, value in weights.items() if name.startswith(prefixes)}


def _card_of(encoder: Path) -> dict[str, Any]:
    file = encoder.with_suffix(".json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
