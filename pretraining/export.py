"""From a training's checkpoint to a file that others load: the encoder as safetensors, and a JSON card beside it."""

from __future__ import annotations

import json
import os
import re
import shlex
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save_file
from yacs.config import CfgNode

from models import load_model
from models.checkpoints.card import INSIDE as OURS
from models.checkpoints.checkpoint import read_checkpoint
from study.atomic import replacing

from .methods import METHODS
from .recipe import parsed, recipe_text
from .watching.diagnostics import DIAGNOSTICS

SUFFIX = ".safetensors"
IN_FRONT = re.compile(r"(--[\w-]+=)?([\w-]+:)?(?=[/~])")
"""What may stand in front of a path: an option, the name of a data set."""

FOR_READERS = {"interpolation": "bicubic", "crop_pct": 1.0}
"""How the images of the diagnostics were prepared: shorter side to the image size, centre cropped."""


def export(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    half: bool = False,
    licence: str | None = None,
) -> list[Path]:
    """Write the encoder of a checkpoint and its card, in the form that `models.load_model(out)` reads.

    The encoder comes without classifier, projector or decoder. Of paths the card keeps only the last part.

    Args:
        checkpoint: file of this project's pretraining.
        out: file ending in `.safetensors`; the card ends in `.json`. Both are overwritten.
        half: weights in float16; else in float32.
        licence: of the weights, as their owner gives them; by default that of the weights that a fine-tuning began
            with, where it is known, and none for all others.
    Returns:
        Paths of weights and card.
    Raises:
        OSError: a file cannot be read or written.
        ValueError: another ending, a checkpoint of others, or weights that float16 cannot hold.
    """
    path, out = Path(checkpoint), Path(out)
    if out.suffix != SUFFIX:
        raise ValueError(f"out={str(out)!r}; expected a name that ends in {SUFFIX}, the card is put beside it")
    known: Any = read_checkpoint(path).payload.get(OURS)
    if known is None:
        raise ValueError(f"{path} has no entry {OURS!r}; expected a checkpoint that `python -m pretraining` wrote")
    encoder = load_model(path)
    encoder.reset_classifier(0)
    state = {name: value.contiguous() for name, value in encoder.state_dict().items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as part:
        save_file(_halved(state) if half else state, part, metadata={"format": "pt"})
    told = card(encoder, known, _neighbours(path.parent, known["images_seen"]), licence)
    text = json.dumps(told, indent=1)
    with replacing(out.with_suffix(".json")) as part:
        part.write_text(text + "\n", encoding="utf-8")
    return [out, out.with_suffix(".json")]


def card(
    encoder: Any, known: dict[str, Any], neighbours: dict[str, float], licence: str | None = None
) -> dict[str, Any]:
    """What is known of the weights, in plain values.

    Args:
        encoder: of timm, as loaded.
        known: entry `vit_anatomy` of the checkpoint.
        neighbours: k-NN accuracy by kind of feature, measured at the end of the training; may be empty.
        licence: as in `export`.
    """
    licence = licence or known.get("start_licence")
    recipe = _without_places(parsed(known["recipe"]))
    asked = recipe.WATCH.PATH or "training images outside the bank"
    return {
        "architecture": architecture(encoder),
        "mean": list(known["mean"]),
        "std": list(known["std"]),
        **FOR_READERS,
        "keys": "timm",
        "method": f"{METHODS[known['method']].title}, {known['images_seen']:,} images seen",
        "labels_seen": METHODS[known["method"]].labels,
        "data": _data(known["command"], recipe),
        "data_digest": known["digest"],
        "epochs": recipe.SCHEDULE.EPOCHS,
        "images_seen": known["images_seen"],
        "seed": recipe.SEED,
        "losses": {name: round(value, 6) for name, value in known["losses"].items()},
        **({"knn_accuracy": {**neighbours, "queries": asked}} if neighbours else {}),
        "command": without_folders(known["command"]),
        "recipe": recipe_text(recipe),
        "torch": known["torch"],
        "timm": known["timm"],
        **({"changes": known["changes"]} if known.get("changes") else {}),
        **({"licence": licence} if licence else {}),
    }


def architecture(encoder: Any) -> dict[str, Any]:
    """Class and sizes of a timm ViT without classifier."""
    height, width = encoder.patch_embed.img_size
    rows, columns = encoder.patch_embed.patch_size
    return {
        "timm_class": type(encoder).__name__,
        "img_size": height if height == width else [height, width],
        "patch_size": rows if rows == columns else [rows, columns],
        "embed_dim": encoder.embed_dim,
        "depth": len(encoder.blocks),
        "num_heads": encoder.blocks[0].attn.num_heads,
        "num_classes": 0,
    }


def without_folders(command: str) -> str:
    """A command line whose absolute paths are cut to what names them elsewhere too.

    >>> without_folders("python -m pretraining mae --data /home/me/cifar10.zip/train --out runs/mae")
    'python -m pretraining mae --data cifar10.zip/train --out runs/mae'
    """
    return shlex.join(_shortened(word) for word in shlex.split(command))


def _shortened(word: str) -> str:
    """The last part of a path, absolute or from home, and the zip that it lies in; what stands in front is kept.

    >>> _shortened("--data=imagenet:/home/me/ilsvrc")
    '--data=imagenet:ilsvrc'
    """
    found = IN_FRONT.match(word)
    parts = PurePath(word[found.end() :]).parts if found else ()
    if found is None or len(parts) < 2:
        return word
    zips = [place for place, part in enumerate(parts) if part.lower().endswith(".zip")]
    return found.group() + "/".join(parts[zips[0] :] if zips else parts[-1:])


def _without_places(recipe: CfgNode) -> CfgNode:
    """The recipe with shortened paths."""
    recipe = recipe.clone()
    recipe.defrost()
    for node, key in ((recipe.DATA, "PATH"), (recipe.WATCH, "PATH"), (recipe.ENCODER, "WEIGHTS")):
        node[key] = _shortened(node[key])
    recipe.freeze()
    return recipe


def _data(command: str, recipe: CfgNode) -> str:
    """What the training images were called."""
    words = shlex.split(command)
    given = [after for word, after in pairwise(words) if word == "--data"]
    given += [word.partition("=")[2] for word in words if word.startswith("--data=")]
    return _shortened(given[-1] if given else recipe.DATA.PATH)


def _neighbours(folder: Path, images_seen: int) -> dict[str, float]:
    """k-NN accuracy that the training measured with these very weights; empty where it did not."""
    file = folder / DIAGNOSTICS
    if not file.is_file():
        return {}
    table = pd.read_csv(file)
    rows = table[(table["images"] == images_seen) & table["metric"].str.startswith("knn_")]
    return {name.removeprefix("knn_"): float(value) for name, value in zip(rows["metric"], rows["value"])}


def _halved(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    lost = [name for name, value in halved.items() if not value.isfinite().all()]
    if lost:
        raise ValueError(f"half=True, but float16 cannot hold the values of {', '.join(lost[:5])}; export in float32")
    return halved
