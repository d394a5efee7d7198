"""What was measured, on disk: long tables and a manifest of where the numbers come from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .atomic import replacing
from .long_table import LongTable, Table, pieces

SCHEMA = 1
"""Version of tables and manifests; raised whenever a column or a field changes its meaning."""

COLUMNS = ("model", "depth", "head", "image", "metric", "component", "convention", "value")
"""Columns of a table of per-image values, as `models.measure` makes them, with the model in front."""

TEXT = ("model", "metric", "convention", "query", "picture", "pooling", "head", "recipe", "source", "class", "level")
"""Columns of any table that hold words."""

LARGE = 8 * 2**20
"""Bytes above which a table of per-image values is not read whole without need."""

ROWS = 250_000  # of a piece, about 50 MB


def write_table(table: Table, path: str | os.PathLike[str]) -> Path:
    """Write a table as CSV or Parquet, as the suffix says, with the version of its columns in column `schema`.

    A table in pieces is written piece by piece as CSV; as Parquet it is held whole.

    Raises:
        OSError: the file cannot be written.
        ValueError: the suffix is neither .csv nor .parquet.
    """
    path = Path(path)
    with replacing(_known(path)) as part:
        if path.suffix == ".csv":
            with part.open("w", encoding="utf-8", newline="") as file:
                for number, piece in enumerate(pieces(table)):
                    piece.assign(schema=SCHEMA).to_csv(file, index=False, header=number == 0)
        else:
            whole = table.whole() if isinstance(table, LongTable) else table
            whole.assign(schema=SCHEMA).to_parquet(part, index=False)
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
        raise _damaged(path, error) from error
    return _checked(table, path, columns)


def open_table(path: str | os.PathLike[str], *, columns: Sequence[str] = COLUMNS) -> Table:
    """The same as `read_table`, but per-image values of more than `LARGE` bytes of CSV in pieces, read when needed.

    Raises:
        OSError, ValueError: as `read_table`; of a table in pieces the rows after the first are checked when read.
    """
    path = _known(Path(path))
    if path.suffix != ".csv" or path.stat().st_size <= LARGE or not set(COLUMNS) <= set(columns):
        return read_table(path, columns=columns)
    check_table(path, columns=columns)
    return LongTable(lambda: _csv_pieces(path), tuple(columns))


def check_table(path: str | os.PathLike[str], *, columns: Sequence[str] = ()) -> None:
    """Whether a table is one of this version with these columns, as far as its first row tells.

    Raises:
        OSError, ValueError: as `read_table`.
    """
    path = _known(Path(path))
    if path.suffix != ".csv":
        read_table(path, columns=columns)
        return
    try:
        first = pd.read_csv(path, nrows=1)
    except (ValueError, pd.errors.ParserError) as error:
        raise _damaged(path, error) from error
    _checked(first, path, columns)


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


def _read_csv(path: Path, **options: Any) -> Any:
    """A CSV in which text stays text (`convention` may be empty, a model named "nan") and an empty number is NaN."""
    numbers = {column: [""] for column in pd.read_csv(path, nrows=0).columns if column not in TEXT}
    old = int(pd.__version__.split(".")[0]) < 3  # later ones read the last bit right by themselves
    exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
    return pd.read_csv(path, keep_default_na=False, na_values=numbers, **exact, **options)


def _csv_pieces(path: Path) -> Iterator[pd.DataFrame]:
    try:
        with _read_csv(path, chunksize=ROWS) as reader:
            for piece in reader:
                yield _checked(piece, path, ())
    except pd.errors.ParserError as error:
        raise _damaged(path, error) from error


def _checked(table: pd.DataFrame, path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The table without its version, which is checked, as are its columns."""
    _check_version(path, _versions(table))
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(table.columns)}")
    return table.drop(columns="schema")


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is no readable table ({error}); was it cut off?")


def _known(path: Path) -> Path:
    if path.suffix not in {".csv", ".parquet"}:
        raise ValueError(f"{path}: a table ends in .csv or .parquet, not in {path.suffix!r}")
    return path


def _versions(table: pd.DataFrame) -> set[Any]:
    """Versions that the rows say; a table with the column and without rows is of this one."""
    if "schema" not in table:
        return set()
    return {SCHEMA} if table.empty else set(table["schema"])


def _check_version(path: Path, found: set[Any]) -> None:
    if found == {SCHEMA}:
        return
    versions = ", ".join(map(str, sorted(found, key=str))) or "none"
    raise ValueError(
        f"{path} has schema version {versions}, this program reads {SCHEMA}: make it again with this version of the "
        "project, or read it with the version that wrote it"
    )
