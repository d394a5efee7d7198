"""What was measured, on disk: long tables and a manifest of where the numbers come from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .atomic import replacing

SCHEMA = 1
"""Version of tables and manifests; raised whenever a column or a field changes its meaning."""

COLUMNS = ("model", "depth", "head", "image", "metric", "component", "convention", "value")
"""Columns of a table of per-image values, as `models.measure` makes them, with the model in front."""

TEXT = ("model", "metric", "convention", "query", "picture", "pooling", "head", "recipe")
"""Columns of any table that hold words."""


def write_table(table: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table as CSV or Parquet, as the suffix says, with the version of its columns in column `schema`.

    Raises:
        OSError: the file cannot be written.
        ValueError: the suffix is neither .csv nor .parquet.
    """
    path = Path(path)
    table = table.assign(schema=SCHEMA)
    with replacing(_known(path)) as part:
        if path.suffix == ".csv":
            table.to_csv(part, index=False)
        else:
            table.to_parquet(part, index=False)
    return path


def read_table(path: str | os.PathLike[str], *, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """A table that `write_table` wrote, without its column `schema`.

    Args:
        path: .csv or .parquet.
        columns: those that it must have.
    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such table, or one of another version.
    """
    path = _known(Path(path))
    try:
        table = _read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{path} is no readable table ({error}); was it cut off?") from error
    _check_version(path, set(table["schema"]) if "schema" in table else set())
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(table.columns)}")
    return table.drop(columns="schema")


def write_manifest(manifest: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a manifest as JSON, with its version in field `schema`."""
    with replacing(path) as part:
        text = json.dumps({"schema": SCHEMA, **manifest}, indent=2, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8")
    return Path(path)


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A manifest that `write_manifest` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no manifest, or one of another version.
    """
    path = Path(path)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}); was it cut off?") from error
    if not isinstance(manifest, dict):
        raise ValueError(f"{path} is no manifest; expected a JSON object")
    _check_version(path, {manifest["schema"]} if "schema" in manifest else set())
    return manifest


def _read_csv(path: Path) -> pd.DataFrame:
    """A CSV in which text stays text (`convention` may be empty, a model named "nan") and an empty number is NaN."""
    numbers = {column: [""] for column in pd.read_csv(path, nrows=0).columns if column not in TEXT}
    old = int(pd.__version__.split(".")[0]) < 3  # later ones read the last bit right by themselves
    exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
    return pd.read_csv(path, keep_default_na=False, na_values=numbers, **exact)


def _known(path: Path) -> Path:
    if path.suffix not in {".csv", ".parquet"}:
        raise ValueError(f"{path}: a table ends in .csv or .parquet, not in {path.suffix!r}")
    return path


def _check_version(path: Path, found: set[Any]) -> None:
    if found == {SCHEMA}:
        return
    versions = ", ".join(map(str, sorted(found, key=str))) or "none"
    raise ValueError(
        f"{path} has schema version {versions}, this program reads {SCHEMA}: make it again with this version of the "
        "project, or read it with the version that wrote it"
    )
