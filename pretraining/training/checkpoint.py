"""The file from which a training goes on: the method's official structure and, beside it, everything else."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from yacs.config import CfgNode

from models.checkpoints.card import INSIDE as OURS
from models.checkpoints.checkpoint import read_checkpoint
from study.atomic import replacing
from study.processes import Process, gathered

from .._defaults import defaults
from ..objectives import Objective
from ..recipe import differences, parsed, recipe_text

CHECKPOINT = "checkpoint.pth"
FREE = (
    *("DATA.PATH", "DATA.WORKERS", "DATA.CACHE", "TRAIN.SAVE_EVERY", "WATCH.", "ENCODER.WEIGHTS"),
    *("TRAIN.CHECKPOINTING", "TRAIN.COMPILE"),  # the same mathematics; bits, and compiled drop path's draws, may differ
)
"""What may change when a training goes on: it has no influence (images and weights to start from have a digest)."""


@dataclasses.dataclass(frozen=True)
class Standing:
    """How far a training has come, and on what.

    Attributes:
        images_seen: by all processes together; the position to go on from.
        digest: of the list of training images.
        losses: latest values of the loss and its parts.
        command: that was typed.
        changes: of the recipe on the way: `images_seen` when it changed, and `changed`, lines "KEY: then -> now".
    """

    images_seen: int
    digest: str
    losses: dict[str, float]
    command: str
    changes: list[dict[str, Any]] = dataclasses.field(default_factory=list)


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
        "start_licence": objective.start_licence,
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


def begun_by(path: Path, recipe: CfgNode, digest: str, allowed: Sequence[str] = ()) -> dict[str, Any]:
    """What a checkpoint holds of a training of the same recipe on the same images.

    Args:
        path: of the checkpoint.
        recipe: to go on with.
        digest: of the images to go on with.
        allowed: keys of which the recipe may differ; such differences are added to the entry's `changes`.
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
    refused = [line for line in changed if _key(line) not in allowed]
    if refused:
        raise ValueError(
            f"{path} was trained with another recipe: {'; '.join(refused)} (then; now). Give the same recipe to go on, "
            f"or another folder with --out to start anew{_way_out(refused)}"
        )
    if payload[OURS]["digest"] != digest:
        raise ValueError(
            f"{path} was trained on other images: the list of files or their contents changed. Give the same ones to "
            "go on, or another folder with --out to start anew"
        )
    if changed:
        known = payload[OURS]
        known["changes"] = [
            *known.get("changes", []),
            {"images_seen": known["images_seen"], "changed": changed},
        ]
    return payload


def require_changeable(allowed: Sequence[str]) -> None:
    """Raise ValueError where a key is none that may change on the way."""
    wrong = [key for key in allowed if not _changeable(key)]
    if wrong:
        raise ValueError(
            f"--allow-change {' '.join(wrong)}: expected full keys of OPTIM (not OPTIM.NAME) or SCHEDULE, or "
            "TRAIN.PRECISION, such as OPTIM.LR"
        )


def _changeable(key: str) -> bool:
    group, _, name = key.partition(".")
    known = group in ("OPTIM", "SCHEDULE") and name in defaults()[group] and key != "OPTIM.NAME"
    return known or key == "TRAIN.PRECISION"


def _key(difference: str) -> str:
    return difference.partition(":")[0]


def _way_out(refused: Sequence[str]) -> str:
    """How the differences can be allowed, where all of them can."""
    keys = [_key(line) for line in refused]
    if not all(_changeable(key) for key in keys):
        return ""
    return f"; on purpose, `python -m pretraining` takes --allow-change {' '.join(keys)} before --opts, and records it"


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
    changes = payload[OURS].get("changes", [])
    optimiser.load_state_dict(_regrouped(payload["optimizer"], optimiser) if changes else payload["optimizer"])
    if payload["scaler"] or not scaler.is_enabled():  # else it is new: TRAIN.PRECISION was changed
        scaler.load_state_dict(payload["scaler"])
    names = [field.name for field in dataclasses.fields(Standing) if field.name in payload[OURS]]
    return Standing(**{name: payload[OURS][name] for name in names})


def same_everywhere(standing: Standing, recipe: CfgNode, here: Process) -> None:
    """Raise ValueError in all processes where they would go on from different places, images or recipes.

    Each reads the checkpoint by itself: on machines without a shared folder only the first may have one.
    """
    own = {"images seen": standing.images_seen, "images": standing.digest, "recipe": _lasting(recipe)}
    everybody = gathered([own])
    for name, value in everybody[0].items():
        others = [rank for rank, known in enumerate(everybody) if known[name] != value]
        if others:
            shown = f": {everybody[others[0]][name]} instead of {value}" if name == "images seen" else ""
            raise ValueError(
                f"{len(others)} of {here.world} processes (first of them rank {others[0]}) have other {name} than rank "
                f"0{shown}; give all machines the same command, the same images, and a folder that they share as --out"
            )


def _lasting(recipe: CfgNode) -> list[str]:
    """What of a recipe is not at its default and has to be the same everywhere: paths may differ between machines."""
    return [line for line in differences(defaults(), recipe) if not line.startswith(FREE)]


def _regrouped(saved: Mapping[str, Any], optimiser: Optimizer) -> dict[str, Any]:
    """The saved moments of each parameter in the groups that the optimiser has now, under their settings."""
    moments = {
        name: saved["state"][number]
        for group in saved["param_groups"]
        for number, name in zip(group["params"], group["names"], strict=True)
        if number in saved["state"]
    }
    groups = optimiser.state_dict()["param_groups"]
    numbers = {name: number for group in groups for number, name in zip(group["params"], group["names"], strict=True)}
    return {"state": {numbers[name]: moment for name, moment in moments.items()}, "param_groups": groups}
