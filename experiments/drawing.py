"""Figures from a results folder alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from study.atomic import replacing
from study.long_table import LongTable, Table
from study.record import COLUMNS, check_table, read_manifest, read_table
from study.summary import SUMMARY, summary

from .catalogue import experiment
from .findings import MANIFEST, read_findings, summary_file

RESOLUTION = 150  # dots per inch of the PNG


def draw_folder(folder: Path) -> list[Path]:
    """Draw the figure of a results folder, as PNG and PDF; returns their paths.

    Raises:
        OSError, ValueError: a file is missing, damaged or of another version.
    """
    if not (folder / MANIFEST).is_file():
        raise OSError(f"{folder} is no folder of a run: it has no {MANIFEST}")
    findings, manifest = read_findings(folder)
    name = manifest["experiment"]
    figure = experiment(name).draw(findings, _summary(folder, name, findings.tables[name]))
    paths = [folder / f"{name}.{suffix}" for suffix in ("png", "pdf")]
    for path in paths:
        with replacing(path) as part:
            figure.savefig(part, dpi=RESOLUTION)
    plt.close(figure)
    return paths


def draw_table(table: Path) -> list[Path]:
    """Draw the figure of the results that a table belongs to.

    Raises:
        OSError: there is no such file, or no manifest beside it.
        ValueError: it is no table of this version, or the manifest does not know it.
    """
    if not table.is_file():
        raise OSError(f"there is no {table}: give the folder of a run, or a table in it")
    check_table(table)
    manifest = table.parent / MANIFEST
    if not manifest.is_file():
        raise OSError(f"{manifest} is missing: a figure needs the manifest that was written beside {table.name}")
    content = read_manifest(manifest)
    known = [*(f"{name}.csv" for name in content.get("tables", ())), summary_file(content.get("experiment", ""))]
    if table.name not in known:
        raise ValueError(f"{manifest} does not list {table.name}; it lists {', '.join(known)}")
    return draw_folder(table.parent)


def _summary(folder: Path, name: str, table: Table) -> pd.DataFrame | None:
    """Means and intervals of per-image values: made from the table, or as they were stored.

    Stored ones stand in where torch is not there, for a table that was left out, and for a long one that did not
    change since.
    """
    if not set(COLUMNS) <= set(table.columns):
        return None
    stored = folder / summary_file(name)
    unchanged = isinstance(table, LongTable) and _newer(stored, folder / f"{name}.csv")
    left_out = isinstance(table, pd.DataFrame) and table.empty
    if importlib.util.find_spec("torch") is None or unchanged or left_out:
        return read_table(stored, columns=SUMMARY)
    return summary(table)


def _newer(path: Path, other: Path) -> bool:
    return path.is_file() and path.stat().st_mtime_ns > other.stat().st_mtime_ns
