"""Options that the commands of this folder share."""

from __future__ import annotations

import argparse

from ..options import add_running


def add_classifiers(parser: argparse.ArgumentParser) -> None:
    """`--probes` or `--model`, which layers, and how they run."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--probes", nargs="+", metavar="DIR", help="folder of `layers` with probes-*.safetensors, or such files"
    )
    source.add_argument("--model", nargs="+", metavar="NAME", help="models with a classifier of their own instead")
    add = parser.add_argument
    add("--layers", nargs="+", default=["all"], metavar="N", help="probes of these layers; 0 is the embedding")
    add("--oracle", metavar="NAME", help="model whose attention the pooling oracle uses")
    add("--limit", type=int, metavar="N", help="that many images, evenly spaced (default: all)")
    add_running(parser)


def add_seed(parser: argparse.ArgumentParser, what: str) -> None:
    """`--seed` of what is drawn for each image."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=f"of {what} (default: 0)")
