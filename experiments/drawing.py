"""Figures from a results folder alone."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text

from study.atomic import replacing
from study.long_table import LongTable, Table
from study.plots import plots
from study.record import COLUMNS, check_table, read_manifest, read_table
from study.summary import SUMMARY, summary

from .catalogue import EXPERIMENTS, experiment
from .findings import MANIFEST, read_findings, summary_file
from .folder import run_folders

RESOLUTION = 150  # dots per inch of the PNG
LONGEST = 22  # letters of a model's name; of a longer one HEAD and TAIL stand in figures
HEAD, TAIL = 10, 8
ENDING = re.compile(r"(\.(pth|pt|bin|ckpt|tar|safetensors))+$")


def draw_folders(folder: Path) -> list[Path]:
    """Draw the figures of a results folder and of those that lie in it, as a run of several experiments leaves them.

    Claims, which have no figure, are passed over unless there is nothing else.

    Raises:
        OSError, ValueError: there is none; or as `draw_folder`.
    """
    places = run_folders(folder)
    with_figure = [place for place in places if read_manifest(place / MANIFEST).get("experiment") in EXPERIMENTS]
    return [path for place in with_figure or places for path in draw_folder(place)]


def draw_folder(folder: Path) -> list[Path]:
    """Draw the figure of a results folder, as PNG and PDF; returns their paths.

    Raises:
        OSError, ValueError: a file is missing, damaged or of another version.
    """
    findings, manifest = read_findings(folder)
    name = manifest["experiment"]
    models = findings.facts.get("layouts", ())
    with plots().together(models):
        figure = experiment(name).draw(findings, _summary(folder, name, findings.tables[name]))
    _shorten(figure, models)
    paths = [folder / f"{name}.{suffix}" for suffix in ("png", "pdf")]
    for path in paths:
        with replacing(path) as part:
            figure.savefig(part, dpi=RESOLUTION)
    plt.close(figure)
    return paths


def _shorten(figure: Figure, models: Iterable[str]) -> None:
    """Write long names of models shorter wherever they stand: tables and manifest have them whole."""
    for model, short in short_names(models).items():
        for text in figure.findobj(Text):
            if isinstance(text, Text) and model in text.get_text():
                text.set_text(text.get_text().replace(model, short))


def short_names(models: Iterable[str]) -> dict[str, str]:
    """What figures call those models whose names would run into what stands beside them.

    >>> short_names(["moco", "simmim_pretrain__vit_base__img224__800ep.pth"])
    {'simmim_pretrain__vit_base__img224__800ep.pth': 'simmim_pre...4__800ep'}
    """
    given = {model: _short(model) for model in models}
    names = list(given.values())
    return {model: short for model, short in given.items() if short != model and names.count(short) == 1}


def _short(model: str) -> str:
    if len(model) <= LONGEST:
        return model
    stem = ENDING.sub("", model)
    return stem if len(stem) <= LONGEST else f"{stem[:HEAD]}...{stem[-TAIL:]}"


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
