"""What a frozen model knows: `python -m probing WHAT --model NAME --data PATH --out DIR [--limit N]`.

PATH holds the folders train and test (or val), or is the name of a data set (cifar10, cifar100, stl10,
imagenet:FOLDER); else `--test` names the test images. The same command goes on where it was stopped or killed, and uses
again what is in the cache. Several GPUs or machines: `torchrun --nproc-per-node 8 -m probing WHAT ...`.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
from collections.abc import Sequence

from study.command_line import Parser, exit_status

from .options import OVERWRITE

COMMANDS = {
    "features": "pass the images through the model once and keep what it makes of them",
    "layers": "accuracy of every layer and pooling: k-NN, linear probe, AbMILP",
    "aggregate": "one layer, every way of making one vector of its tokens: Beyond [cls]",
    "dense": "segmentation by a linear classifier on patch tokens, over layers",
    "finetune": "train the whole model on the labels",
    "shape-bias": "shape against texture on cue-conflict images",
    "frequency-noise": "accuracy under noise in one band of frequencies after another",
    "shifted": "accuracy of probes on other images of the same classes",
    "plot": "draw the figures of a probing.csv again; needs no torch",
    "presets": "the recipes of linear probes, with what is known of their source",
}
"""What stands in `probing.commands`, and what each is for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all went well, 1 after an error, which goes to stderr as one line."""
    typed = list(sys.argv[1:] if arguments is None else arguments)

    def command() -> int:
        options = _parser(typed).parse_args(typed)
        options.typed = shlex.join(["python", "-m", "probing", *(word for word in typed if word != OVERWRITE)])
        return options.run(options, options.typed)

    return exit_status(command, stopped="stopped; the same command goes on")


def _parser(typed: Sequence[str]) -> argparse.ArgumentParser:
    """Of all commands; only the module of the one that was typed is imported."""
    parser = Parser(prog="python -m probing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    for name, purpose in COMMANDS.items():
        sub = commands.add_parser(name, help=purpose, description=f"{purpose[:1].upper()}{purpose[1:]}.")
        if name in typed:
            module = importlib.import_module(f"probing.commands.{name.replace('-', '_')}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
