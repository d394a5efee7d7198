"""`python -m probing finetune`: the whole model trained on the labels, and its accuracy on plain test images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..options import add_images, add_model, add_out, checked

if TYPE_CHECKING:
    import torch
    from yacs.config import CfgNode

    from pretraining.training.run import Outcome

    from ..data import LabelledImages

TERMINATED = 143  # 128 + SIGTERM, as shells have it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.epilog = (
        "The training lies in OUT/MODEL (checkpoint.pth, log.csv, recipe.yaml) and goes on with the same command. "
        "--dtype, --batch-size and --workers are of the test; the training has its own in the recipe (TRAIN.PRECISION, "
        "TRAIN.BATCH, DATA.WORKERS)."
    )
    add_model(parser, several=False)
    add_images(parser)
    add_out(parser)
    parser.add_argument(
        "--recipe",
        default="mini_finetune",
        metavar="NAME",
        help="of `python -m pretraining recipes`, for finetune, or a YAML file (default: mini_finetune)",
    )
    parser.add_argument(
        "--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help="changes: --opts OPTIM.LR 1e-3"
    )


def run(options: argparse.Namespace, command: str) -> int:
    """Train, or go on; then test and write table and manifest."""
    import torch

    from models import image_transform
    from pretraining.training.run import train_on
    from pretraining.training.trained import trained_classifier
    from study.loading import shown_names
    from study.processes import process

    from ..data import labelled_images, matched_labels, train_and_test
    from ..evaluation.answers import OwnClassifier, answers
    from ..evaluation.pictures import Clean

    checked(options)
    recipe, changes = _recipe(options)
    where, where_test = train_and_test(options.data, options.test)
    train = labelled_images(where, limit=options.limit, labels=options.labels)
    test = labelled_images(where_test, limit=options.limit, labels=options.test_labels)
    truth = matched_labels(train, test)
    name, out = shown_names([options.model])[0], options.out.expanduser()
    with process(options.device) as here:
        folder = out / name.replace("/", "-")
        outcome = train_on(train, recipe, folder, here, command=command)  # pyright: ignore[reportArgumentType]
        if not outcome.finished:
            print(f"{outcome.checkpoint}: {outcome.images_seen} images seen, asked to stop; the same command goes on")
            return TERMINATED
        model = trained_classifier(outcome.checkpoint)
        manifest = _manifest(options, recipe, outcome, model, {"train": train, "test": test}, here.device, command)
        found = answers(
            OwnClassifier(model.to(here.device, getattr(torch, options.dtype)), lambda logits: logits),
            Clean(test, image_transform(model)),
            here=here,
            batch_size=options.batch_size,
            workers=options.workers,
            title="test",
            progress=True,
        )
        right = found[:, 0] == torch.tensor(truth)
        if here.first:
            path = _written(name, model, recipe, changes, right, manifest, out)
            print(f"{path}: {right.double().mean().item():.2%} of {len(right)} test images right")
    return 0


def _recipe(options: argparse.Namespace) -> tuple[CfgNode, str]:
    """The recipe, and its name with what was changed in it."""
    from pretraining.recipe import differences
    from pretraining.starting_weights import recipe_from
    from study.loading import needed_heads

    heads = needed_heads([options.model], options.num_heads)[options.model]
    weights = ["ENCODER.WEIGHTS", options.model]
    weights += [] if heads is None else ["ENCODER.NUM_HEADS", str(heads)]
    limit = ["DATA.LIMIT", str(options.limit or 0)]
    recipe = recipe_from(options.recipe, [*weights, *limit, *options.opts])
    if recipe.METHOD != "finetune":
        raise ValueError(
            f"--recipe {options.recipe} is for {recipe.METHOD}; expected one for finetune, such as mini_finetune"
        )
    plain = recipe_from(options.recipe, weights)
    changed = [line.partition(": ") for line in differences(plain, recipe)]
    changes = [f"{key}={values.split(' -> ')[-1]}" for key, _, values in changed]
    return recipe, ", ".join([Path(options.recipe).stem, *changes])


def _written(
    name: str, model: Any, recipe: CfgNode, changes: str, right: torch.Tensor, manifest: dict[str, Any], out: Path
) -> Path:
    from ..table import row, write_results

    known = {"model": name, "layer": len(model.blocks), "pooling": recipe.FINETUNE.POOLING, "head": "finetune"}
    return write_results([row(**known, recipe=changes, values=right)], manifest, out)


def _manifest(
    options: argparse.Namespace,
    recipe: CfgNode,
    outcome: Outcome,
    model: Any,
    images: dict[str, LabelledImages],
    device: torch.device,
    command: str,
) -> dict[str, Any]:
    from models import image_transform
    from models.checkpoints.card import INSIDE
    from pretraining.recipe import recipe_text
    from pretraining.training.checkpoint import stored
    from study.provenance import arithmetic, versions, weights

    known = stored(outcome.checkpoint)[0][INSIDE]
    return {
        "command": command,
        "recipe": recipe_text(recipe),
        "start": {"name": recipe.ENCODER.WEIGHTS, "sha256": known["start_sha256"]},
        "fine_tuned": weights(model),
        "checkpoint": str(outcome.checkpoint),
        "images_seen": outcome.images_seen,
        "losses": known["losses"],
        "data": {
            part: {"where": found.where, "images": len(found), "sha256": found.digest} for part, found in images.items()
        },
        "classes": list(images["train"].classes),
        "transform": " ".join(str(image_transform(model)).split()),
        "arithmetic": arithmetic(options.dtype, device),
        "versions": versions(),
    }
