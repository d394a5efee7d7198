"""The file from which a training goes on: the method's official structure and, beside it, everything else."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from yacs.config import CfgNode

from models.checkpoints.card import INSIDE as OURS
from models.checkpoints.checkpoint import read_checkpoint
from study.atomic import replacing

from ..objectives import Objective
from ..recipe import differences, parsed, recipe_text

CHECKPOINT = "checkpoint.pth"
FREE = ("DATA.PATH", "DATA.WORKERS", "DATA.CACHE", "TRAIN.SAVE_EVERY", "WATCH.", "ENCODER.WEIGHTS")
"""What may change when a training goes on: it has no influence (images and weights to start from have a digest)."""


@dataclasses.dataclass(frozen=True)
class Standing:
    """How far a training has come, and on what.

    Attributes:
        images_seen: by all processes together; the position to go on from.
        digest: of the list of training images.
        losses: latest values of the loss and its parts.
        command: that was typed.
    """

    images_seen: int
    digest: str
    losses: dict[str, float]
    command: str


def save(
    path: Path,
    standing: Standing,
    recipe: CfgNode,
    objective: Objective,
    optimiser: Optimizer,
    scaler: torch.amp.GradScaler,
    *,
    epoch: int,
) -> None:
    """Write the checkpoint, whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written to; what was there before is still there.
    """
    payload = {
        **objective.checkpoint_entry(),
        "epoch": epoch,
        "arch": recipe.ENCODER.ARCH,
        "optimizer": optimiser.state_dict(),
        "scaler": scaler.state_dict(),
        OURS: {**_known(recipe, objective), **dataclasses.asdict(standing)},
    }
    try:
        with replacing(path) as part, part.open("wb") as file:
            torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        kept = f"the last one, {path}, is whole" if path.exists() else "there is none yet"
        raise OSError(
            f"the checkpoint at {standing.images_seen} images could not be written to {path.parent} ({error}); {kept}. "
            "Make room and give the same command again"
        ) from error


def _known(recipe: CfgNode, objective: Objective) -> dict[str, Any]:
    """What the shapes of the weights do not say, in plain values."""
    return {
        "method": recipe.METHOD,
        "recipe": recipe_text(recipe),
        "start_sha256": objective.start_sha256,
        "keys": objective.keys,
        "num_heads": _heads(objective),
        "mean": list(recipe.DATA.MEAN),
        "std": list(recipe.DATA.STD),
        "torch": version("torch"),
        "timm": version("timm"),
    }


def _heads(objective: Objective) -> int:
    blocks: Any = objective.encoder.blocks
    return blocks[0].attn.num_heads


def stored(path: Path) -> tuple[dict[str, Any], CfgNode]:
    """A checkpoint of ours and its recipe, read without running anything that stands in it.

    Raises:
        OSError: there is no such file.
        ValueError: it is no checkpoint of this project's pretraining.
    """
    payload = read_checkpoint(path).payload
    if not isinstance(payload.get(OURS), dict):
        raise ValueError(
            f"{path} has no entry {OURS!r}, so it was not written by `python -m pretraining`; "
            "models.load_model opens published checkpoints"
        )
    return dict(payload), parsed(payload[OURS]["recipe"])


def begun_by(path: Path, recipe: CfgNode, digest: str) -> dict[str, Any]:
    """What a checkpoint holds of a training of the same recipe on the same images.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or of another method, recipe or set of images.
    """
    payload, written = stored(path)
    if written.METHOD != recipe.METHOD:
        raise ValueError(
            f"{path} is a training of {written.METHOD}, not of {recipe.METHOD}: choose another folder with --out"
        )
    changed = [line for line in differences(written, recipe) if not line.startswith(FREE)]
    if changed:
        raise ValueError(
            f"{path} was trained with another recipe: {'; '.join(changed)} (then; now). Give the same recipe to go on, "
            "or another folder with --out to start anew"
        )
    if payload[OURS]["digest"] != digest:
        raise ValueError(
            f"{path} was trained on other images: the list of files or their contents changed. Give the same ones to "
            "go on, or another folder with --out to start anew"
        )
    return payload


def resumed(
    payload: Mapping[str, Any], objective: Objective, optimiser: Optimizer, scaler: torch.amp.GradScaler
) -> Standing:
    """Fill objective, optimiser and scaler from a checkpoint; where the training stands.

    Raises:
        ValueError: the training started from other weights, or the checkpoint does not fit.
    """
    started = payload[OURS].get("start_sha256", "")  # empty in files of versions that had no such weights
    if started != objective.start_sha256:
        raise ValueError(
            f"the training began with other weights: sha256 {started[:12] or 'of none'} then, "
            f"{objective.start_sha256[:12] or 'of none'} now (ENCODER.WEIGHTS). Give the same weights to go on, or "
            "another folder with --out to start anew"
        )
    objective.load_checkpoint_entry(payload)
    optimiser.load_state_dict(payload["optimizer"])
    scaler.load_state_dict(payload["scaler"])
    return Standing(**{field.name: payload[OURS][field.name] for field in dataclasses.fields(Standing)})
