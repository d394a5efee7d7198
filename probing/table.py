"""The table that every command ends with: accuracy of layers, poolings and heads, with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from study.record import read_table, write_manifest, write_table

if TYPE_CHECKING:
    from torch import Tensor

TABLE = "probing.csv"
MANIFEST = "probing.json"
COLUMNS = ("model", "layer", "pooling", "head", "metric", "value", "low", "high", "images", "recipe")
"""Layer 0 is the embedding, layer l the output of block l. `low` and `high` are a 95 % interval over test images."""


def row(
    *, model: str, layer: int, pooling: str, head: str, recipe: str, values: Tensor, metric: str = "accuracy"
) -> dict[str, Any]:
    """One line of the table: the mean over images and its bootstrap interval.

    Args:
        model: its name.
        layer: 0 for the embedding.
        pooling: how one vector was made of the tokens, `-` where there is none.
        head: what was put on it: knn, linear, abmilp ...
        recipe: how that was trained, preset with version and what was changed or chosen.
        values: (image), of accuracy True where the answer is right.
        metric: what the values are.
    """
    known = {"model": model, "layer": layer, "pooling": pooling, "head": head, "metric": metric, "recipe": recipe}
    return with_intervals([known], values.unsqueeze(1))[0]


def with_intervals(lines: Sequence[Mapping[str, Any]], values: Tensor) -> list[dict[str, Any]]:
    """Lines of the table for the same images, whose resampling is done once for all of them.

    Args:
        lines: model, layer, pooling, head, metric and recipe of each.
        values: (image line), as in `row`.
    """
    from ops import bootstrap_interval

    numbers = values.double().cpu()
    ends = bootstrap_interval(numbers) if len(numbers) > 1 else [numbers.new_full((len(lines),), float("nan"))] * 2
    columns = zip(lines, numbers.mean(0).tolist(), *(end.tolist() for end in ends), strict=True)
    found = [
        {**line, "value": value, "low": low, "high": high, "images": len(numbers)} for line, value, low, high in columns
    ]
    return [{name: line[name] for name in COLUMNS} for line in found]


def write_results(rows: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any], out: Path) -> Path:
    """Write `probing.csv` and then its manifest into a folder; path of the table.

    Raises:
        OSError: the folder cannot be written to.
    """
    (out / MANIFEST).unlink(missing_ok=True)  # an older one must not vouch for a new table
    path = write_table(pd.DataFrame([dict(line) for line in rows], columns=list(COLUMNS)), out / TABLE)
    write_manifest(manifest, out / MANIFEST)
    return path


def read_results(path: Path) -> pd.DataFrame:
    """The table of a folder, or of a file.

    Raises:
        OSError: it is not there.
        ValueError: it is no such table, or of another version.
    """
    file = path / TABLE if path.is_dir() else path
    if not file.exists():
        what = f"{path} holds no {TABLE}" if path.is_dir() else f"there is no {path}"
        raise FileNotFoundError(
            f"{what}: give the folder that was --out of a command of `python -m probing`, or its {TABLE}"
        )
    return read_table(file, columns=COLUMNS)
