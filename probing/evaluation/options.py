"""Options that the commands of this folder share."""

from __future__ import annotations

import argparse

from ..options import DTYPES


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
    add("--num-heads", type=int, metavar="N", help="of files whose shapes and size do not tell it")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: auto)")
    add("--dtype", default="float32", choices=DTYPES, help="of the frozen model and its images (default: float32)")
    add("--batch-size", type=int, default=64, metavar="N", help="images that pass the model at once (default: 64)")
    add("--workers", type=int, default=0, metavar="N", help="processes that read images (default: 0)")
    add("--limit", type=int, metavar="N", help="that many images, evenly spaced (default: all)")


def add_seed(parser: argparse.ArgumentParser, what: str) -> None:
    """`--seed` of what is drawn for each image."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=f"of {what} (default: 0)")
