"""Options that the commands share, and their checks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from study.record import read_manifest

from .table import MANIFEST

OVERWRITE = "--overwrite"
DTYPES = ("float32", "bfloat16", "float16")


def add_model(parser: argparse.ArgumentParser, *, several: bool = True) -> None:
    """`--model`, one or more, and how they run."""
    nargs = "+" if several else None
    parser.add_argument("--model", required=True, nargs=nargs, metavar="NAME", help="registry or timm name, or file")
    add_running(parser)


def add_running(parser: argparse.ArgumentParser) -> None:
    """How models run."""
    add = parser.add_argument
    add("--num-heads", type=int, metavar="N", help="of files whose shapes and size do not tell it")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: auto)")
    add("--dtype", default="float32", choices=DTYPES, help="of the frozen model and its images (default: float32)")
    add("--batch-size", type=int, default=64, metavar="N", help="images that pass the model at once (default: 64)")
    add("--workers", type=int, default=0, metavar="N", help="processes that read images (default: 0)")


def add_images(parser: argparse.ArgumentParser) -> None:
    """`--data`, `--test` and which images of them."""
    add = parser.add_argument
    add("--data", required=True, metavar="PATH", help="folder or zip with train and test (or val), or a data set")
    add("--test", metavar="PATH", help="test images, where --data does not hold them")
    add("--labels", metavar="FILE", help="class of each training image, where folders do not tell")
    add("--test-labels", metavar="FILE", help="class of each test image, where folders do not tell")
    add("--limit", type=int, metavar="N", help="that many training and test images, evenly spaced (default: all)")


def add_out(parser: argparse.ArgumentParser) -> None:
    """`--out`, where the table goes."""
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of table, manifest and figures")
    parser.add_argument(OVERWRITE, action="store_true", help="replace the results of another command that --out holds")


def add_cache(parser: argparse.ArgumentParser) -> None:
    """`--cache`, where features are kept and found again."""
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder of cached features (default: OUT/features)")


def add_representation(parser: argparse.ArgumentParser, *, norm: str | None = None) -> None:
    """`--layers`, `--poolings` and `--norm`.

    Args:
        parser: of the command.
        norm: by default; None leaves it to the preset.
    """
    add = parser.add_argument
    add("--layers", nargs="+", default=["all"], metavar="N", help="0 (the embedding) to the depth, -1 the last, or all")
    add(
        "--poolings",
        nargs="+",
        default=[],
        metavar="POOLING",
        help="class_token, patches, registers, both, cp1..4, ca1..4 ... (default: the first three)",
    )
    said = f"default: {norm}" if norm else "default: the preset's"
    add("--norm", choices=("none", "final"), default=norm, help=f"the model's last LayerNorm on every layer ({said})")


def checked(options: argparse.Namespace) -> argparse.Namespace:
    """The options themselves, and the folder of the results made.

    Raises:
        ValueError: a number below what makes sense.
        OSError: the folder cannot be made or written to, or holds the results of another command.
    """
    for name, least in {"limit": 1, "batch_size": 1, "workers": 0, "num_heads": 1}.items():
        value: Any = getattr(options, name, None)
        if value is not None and value < least:
            raise ValueError(f"--{name.replace('_', '-')} {value}: expected at least {least}")
    out = options.out.expanduser()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot write to --out {out} ({error.strerror or error}): choose another folder") from error
    _require_own(options, out)
    return options


def _require_own(options: argparse.Namespace, out: Path) -> None:
    """Raise OSError where the folder holds the results of another command, which nobody asked to replace."""
    if options.overwrite or not (out / MANIFEST).is_file():
        return
    before = read_manifest(out / MANIFEST).get("command", "")
    if before != getattr(options, "typed", before):
        raise OSError(
            f"--out {out} holds the results of another command ({before}): choose another folder, or {OVERWRITE} to "
            "replace them"
        )
