"""`python -m probing dense`: segmentation by a linear classifier on the patch tokens of every layer."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ..options import add_cache, add_model, add_out, checked

if TYPE_CHECKING:
    from ..dense.masks import MaskedImages
    from ..dense.recipe import DenseRecipe

SHOWN = 3  # test images in the figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    add = parser.add_argument
    add_model(parser)
    add("--data", required=True, metavar="PATH", help="pets, voc, shapes, or a folder with train and test (or val), "
        "images and masks in each")  # fmt: skip
    add("--test", metavar="PATH", help="test pairs, where --data does not hold them: a folder with images and masks")
    add("--classes", type=Path, metavar="FILE", help="names of a folder's classes, one on each line, from class 0 on")
    add("--limit", type=int, metavar="N", help="that many training and test images, evenly spaced (default: all)")
    add_out(parser)
    add_cache(parser)
    add("--layers", nargs="+", default=["all"], metavar="L", help="0 (embedding) to the last block (default: all)")
    add("--norm", default="none", choices=("none", "final"), help="the model's last norm on each layer's tokens")
    add("--epochs", type=int, default=30, metavar="N", help="passes over the training images (default: 30)")
    add("--lr", type=float, metavar="X", help="learning rate at the start (default: 0.01 of adamw, 0.1 of sgd)")
    add("--train-batch", type=int, default=16, metavar="N", help="images of a training step (default: 16)")
    add("--optimiser", default="adamw", choices=("adamw", "sgd"), help="(default: adamw)")
    add("--weight-decay", type=float, default=1e-4, metavar="X", help="(default: 0.0001)")
    add("--no-batch-norm", action="store_true", help="take the tokens' channels as they are")
    add("--seed", type=int, default=0, metavar="N", help="of the order of the training images (default: 0)")
    add("--tokens", default="cache", choices=("cache", "pass"), help="keep all tokens on the disk, or pass the images "
        "through the model in each epoch (default: cache)")  # fmt: skip


def run(options: argparse.Namespace, command: str) -> int:
    """Train and test the probes of all models; write table, manifest and figure."""
    from study.alone import alone_in
    from study.data import subset
    from study.loading import loaded_models
    from study.processes import process

    from ..dense.results import write
    from ..dense.run import Task, probed, subject
    from ..features.frozen import chosen_layers
    from ..inputs import CACHE, require_distinct

    checked(options)
    recipe = _recipe(options)
    train, test = _pairs(options)
    models = loaded_models(options.model, options.num_heads)
    require_distinct(list(models))
    layers = {name: chosen_layers(options.layers, len(model.blocks)) for name, model in models.items()}  # pyright: ignore[reportArgumentType]
    out = options.out.expanduser()
    with process(options.device) as here, alone_in(out, here, "--out"):
        task = Task(
            train,
            test,
            recipe,
            out,
            (options.cache or out / CACHE).expanduser() if options.tokens == "cache" else None,
            here,
            options.batch_size,
            options.workers,
            options.dtype,
        )
        subjects = [subject(name, model, layers[name], task) for name, model in models.items()]
        if here.first:
            shown = subset(len(test), SHOWN, None)
            found = {one.name: probed(one, task, shown=shown) for one in subjects}
            print("\n".join(probed.text for probed in found.values()))
            print("\n".join(map(str, write(found, subjects, task, shown, command))))
    return 0


def _recipe(options: argparse.Namespace) -> DenseRecipe:
    from ..dense.recipe import LEARNING_RATES, DenseRecipe

    return DenseRecipe(
        epochs=options.epochs,
        lr=LEARNING_RATES[options.optimiser] if options.lr is None else options.lr,
        batch=options.train_batch,
        optimiser=options.optimiser,
        weight_decay=options.weight_decay,
        standardised=not options.no_batch_norm,
        norm=options.norm,
        seed=options.seed,
    )


def _pairs(options: argparse.Namespace) -> tuple[MaskedImages, MaskedImages]:
    """The pairs of training and test; what has no partner is told on the terminal."""
    from ..dense.data import class_names, masked_images, same_classes, train_and_test_masks

    where, where_test = train_and_test_masks(options.data, options.test)
    names = None if options.classes is None else class_names(options.classes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train = masked_images(where, limit=options.limit, classes=names)
        test = masked_images(where_test, limit=options.limit, classes=train.classes)
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    same_classes(train, test)
    return train, test
