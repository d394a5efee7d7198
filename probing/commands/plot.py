"""`python -m probing plot`: the figures of a table, without torch."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The results to draw."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help="folder of a command's results, or a probing.csv")


def run(options: argparse.Namespace, command: str) -> int:
    """Draw and say where."""
    from ..plot import draw_results

    drawn = draw_results(options.results)
    if not drawn:
        raise ValueError(f"{options.results} has no numbers that a figure could be drawn of")
    print("\n".join(map(str, drawn)))
    return 0
