"""A CSV file that grows row by row while a training runs, and never shows rows that the training has taken back."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from study.atomic import replacing

POSITION = "images"  # the column that says when a row was written, in images seen


class Table:
    """Rows of a CSV file; those that are written survive the process.

    Args:
        path: the file; what stands in it of this training is kept.
        position: images seen by the checkpoint that the training goes on from: rows beyond it are cut off, and all rows
            at 0, where the training begins anew. A row that was cut short by a crash goes too.
    Raises:
        OSError: the folder cannot be written to.
        ValueError: the file is no table of ours.
    """

    def __init__(self, path: Path, *, position: int = 0) -> None:
        self.path = path
        self.columns, rows = _kept(path, position)
        if path.exists():
            self._rewrite(rows)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows at the end; a column that is new is empty in the rows before."""
        rows = list(rows)
        new = [name for row in rows for name in row if name not in self.columns]
        if new:
            old = _read(self.path)[1] if self.path.exists() else []
            self.columns += list(dict.fromkeys(new))
            self._rewrite([*old, *rows])
            return
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns, restval="").writerows(rows)

    def _rewrite(self, rows: Iterable[Mapping[str, Any]]) -> None:
        with replacing(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, restval="")
            if self.columns:
                writer.writeheader()
            writer.writerows(rows)


def _kept(path: Path, position: int) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and those rows that the checkpoint at `position` knows of."""
    if position == 0 or not path.exists():
        return [], []
    columns, rows = _read(path)
    if rows and POSITION not in columns:
        raise ValueError(f"{path} has no column {POSITION!r}, so it is no log of a training: move it out of the folder")
    return columns, [row for row in rows if int(row[POSITION]) <= position]


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and whole rows; a last line without its end was cut short."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    reader = csv.DictReader(line for line in lines if line.endswith("\n"))
    rows = list(reader)
    return list(reader.fieldnames or []), rows
