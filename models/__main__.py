"""Command line: `python -m models list [PATTERN] | inspect FILE | download NAME...`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .checkpoints.passport import inspect_checkpoint
from .checkpoints.timm_weights import authors_file, timm_model
from .weights.download import CACHE, MIRROR, OFFLINE, at_hand, fetch, offline
from .weights.hub import own_cache
from .weights.registry import REGISTRY, Weights, entry, markdown_table, matches, short_name

VARIABLES = f"{CACHE}: cache folder. {MIRROR}: address or folder tried first. {OFFLINE[0]}=1: no network."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all went well, 1 after an error, which goes to stderr."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the next call continues what was begun", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__, epilog=VARIABLES)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    table = commands.add_parser("list", help="published weights: alias, name, labels, licence, size")
    table.add_argument("pattern", nargs="?", default="*", help="with * and ?, of names or aliases (quote it)")
    table.add_argument("--markdown", action="store_true", help="the table of the README")
    table.set_defaults(run=_list)
    inspect = commands.add_parser("inspect", help="what a checkpoint file is and what of it would be used")
    inspect.add_argument("file", type=Path)
    inspect.set_defaults(run=_inspect)
    download = commands.add_parser("download", help="weights into the cache, continued after a break")
    download.add_argument("names", nargs="+", metavar="NAME")
    download.add_argument("--folder", type=Path, help=f"instead of ${CACHE}")
    download.add_argument("--quiet", action="store_true", help="no bar")
    download.set_defaults(run=_download)
    return parser


def _list(options: argparse.Namespace) -> None:
    if options.markdown:
        print(markdown_table(options.pattern))
        return
    rows = [_line(weights) for weights in REGISTRY.values() if matches(weights, options.pattern)]
    if not rows:
        raise ValueError(f"PATTERN={options.pattern!r} fits no name; `python -m models list` shows all")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _line(weights: Weights) -> tuple[str, ...]:
    size = f"{weights.bytes / 1e6:.0f} MB" if weights.bytes else ""
    labels = "saw labels" if weights.saw_labels else "no labels"
    return (weights.name, short_name(weights), weights.method, labels, weights.licence, size, weights.note)


def _inspect(options: argparse.Namespace) -> None:
    print(inspect_checkpoint(options.file))


def _download(options: argparse.Namespace) -> None:
    for weights in [entry(name) for name in options.names]:
        print(f"{weights.name}: {_where(weights, options)}")


def _where(weights: Weights, options: argparse.Namespace) -> str:
    """Where the weights are, once they are there; those that timm hosts as `load_model` gets them."""
    progress = not options.quiet
    if not weights.timm_hosted or options.folder is not None:
        return str(fetch(weights, folder=options.folder, progress=progress))
    own = at_hand(weights, progress=progress) if authors_file(weights) else None
    if own is not None:
        return str(own)
    try:
        timm_model(weights.name, weights, pretrained=True, img_size=None)
    except OSError as refusal:
        if not authors_file(weights) or offline():
            raise
        try:
            return str(fetch(weights, progress=progress))
        except OSError:
            raise refusal from None
    return f"in {own_cache(weights.name) or 'the default cache (HF_HOME)'}, in timm's form"


if __name__ == "__main__":
    sys.exit(main())
