"""Pretraining by command: `python -m pretraining METHOD --data PATH --out RUN [--recipe NAME] [--opts KEY VALUE ...]`.

METHOD is mocov3, simmim, mae, hybrid, supervised, or finetune with `--opts ENCODER.WEIGHTS NAME`. The same command goes
on where it was stopped or killed.
Several GPUs or machines: `torchrun --nproc-per-node 8 -m pretraining METHOD ...`. Also: `recipes` lists the recipes,
`show RECIPE` prints one, `plot RUN` draws a training, `export CHECKPOINT OUT` writes safetensors with a card.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from study.command_line import Parser, exit_status

from .methods import METHODS

TERMINATED = 143  # 128 + SIGTERM, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all went well, 1 after an error, 143 when SIGTERM ended a training early."""
    typed = list(sys.argv[1:] if arguments is None else arguments)

    def command() -> int:
        options = _parser().parse_args(typed)
        return options.run(options, shlex.join(["python", "-m", "pretraining", *typed]))

    return exit_status(command, stopped="stopped; the same command goes on from the last checkpoint")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m pretraining", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for method in METHODS:
        _add_training(commands.add_parser(method, help=f"train {method}"), method)
    recipes = commands.add_parser("recipes", help="names of the recipes")
    recipes.set_defaults(run=_recipes)
    show = commands.add_parser("show", help="print a recipe with all its values")
    show.add_argument("recipe", metavar="RECIPE", help="name or YAML file")
    _add_options(show)
    show.set_defaults(run=_show)
    plot = commands.add_parser("plot", help="draw losses and diagnostics of a training")
    plot.add_argument("folder", type=Path, metavar="RUN")
    plot.set_defaults(run=_plot)
    export = commands.add_parser("export", help="the encoder as safetensors with a card")
    export.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="file, or folder of a training")
    export.add_argument("out", type=Path, metavar="OUT", help="file ending in .safetensors")
    export.add_argument("--half", action="store_true", help="store the weights in float16")
    export.add_argument("--decoder", action="store_true", help="what paints behind the mask too, as OUT_decoder")
    export.add_argument("--licence", help="of the weights, for the card (default: the start weights', or none)")
    export.set_defaults(run=_export)
    return parser


def _add_training(parser: argparse.ArgumentParser, method: str) -> None:
    add = parser.add_argument
    add("--recipe", default=f"mini_{method}", help=f"name or YAML file (default: mini_{method})")
    add("--data", metavar="PATH", help="folder or zip of images, cifar10, cifar100, stl10, imagenet:FOLDER")
    add("--out", type=Path, metavar="RUN", help=f"folder of the training (default: results/pretraining-{method})")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: auto)")
    add(
        "--allow-change",
        nargs="+",
        default=[],
        metavar="KEY",
        help="settings of OPTIM, SCHEDULE or TRAIN.PRECISION that --opts may change in a training that was begun",
    )
    _add_options(parser)
    parser.set_defaults(run=_train, method=method)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help="changes: --opts OPTIM.LR 1e-3"
    )


def _train(options: argparse.Namespace, command: str) -> int:
    from .starting_weights import recipe_from
    from .training.run import train

    recipe = recipe_from(options.recipe, options.opts)
    if options.method != recipe.METHOD:
        raise ValueError(f"--recipe {options.recipe} is for {recipe.METHOD}, not for {options.method}")
    data = options.data or recipe.DATA.PATH
    if not data:
        raise ValueError("--data is missing: a folder or zip of images, cifar10, cifar100, stl10 or imagenet:FOLDER")
    out = options.out or Path("results") / f"pretraining-{options.method}"
    allowed = options.allow_change
    outcome = train(recipe, data, out.expanduser(), device=options.device, command=command, allow_change=allowed)
    said = "finished" if outcome.finished else "asked to stop; the same command goes on"
    print(f"{outcome.checkpoint}: {outcome.images_seen} images seen, {said}")
    return 0 if outcome.finished else TERMINATED


def _recipes(options: argparse.Namespace, command: str) -> int:
    from .recipe import list_recipes

    print("\n".join(list_recipes()))
    return 0


def _show(options: argparse.Namespace, command: str) -> int:
    from .recipe import load_recipe, recipe_text

    print(recipe_text(load_recipe(options.recipe, options.opts)), end="")
    return 0


def _plot(options: argparse.Namespace, command: str) -> int:
    from .watching.plot import plot_run

    print("\n".join(map(str, plot_run(options.folder))))
    return 0


def _export(options: argparse.Namespace, command: str) -> int:
    from .export import export
    from .training.checkpoint import CHECKPOINT

    path = options.checkpoint
    file = path / CHECKPOINT if path.is_dir() else path
    written = export(file, options.out, half=options.half, licence=options.licence)
    if options.decoder:
        from .export_decoder import export_decoder

        written += export_decoder(file, options.out)
    print("\n".join(map(str, written)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
