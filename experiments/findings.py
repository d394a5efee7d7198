"""What an experiment found, in memory and as the files of a results folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from study.atomic import replacing
from study.record import COLUMNS, open_table, read_manifest, write_manifest, write_table

MANIFEST = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Findings:
    """All that a figure is drawn from.

    Attributes:
        tables: by name; on disk NAME.csv. Data frames, but long ones of per-image values are `study.LongTable`, in
            pieces: figures take their numbers from the summary.
        pictures: photographs that the figure shows, by name; on disk NAME.png.
        facts: what the figure says in words (layouts, numbers of images ...), as JSON takes it.
    """

    tables: dict[str, Any]
    pictures: dict[str, Image.Image]
    facts: dict[str, Any]


def write_findings(findings: Findings, folder: Path, origin: dict[str, Any]) -> list[Path]:
    """Write tables, pictures and, last of all, the manifest; returns their paths.

    Args:
        findings: of an experiment.
        folder: of the results, which exists.
        origin: what else the manifest says: experiment, command, models, images, versions.
    """
    (folder / MANIFEST).unlink(missing_ok=True)  # an older one must not vouch for a mixture, if this breaks off
    paths = [write_table(table, folder / f"{name}.csv") for name, table in findings.tables.items()]
    for name, picture in findings.pictures.items():
        paths.append(folder / f"{name}.png")
        with replacing(paths[-1]) as part:
            picture.save(part)
    content = {
        **origin,
        "facts": findings.facts,
        "tables": {name: list(table.columns) for name, table in findings.tables.items()},
        "lines": {name: _lines(folder / f"{name}.csv") for name in findings.tables},
        "pictures": list(findings.pictures),
    }
    return [*paths, write_manifest(content, folder / MANIFEST)]


def read_findings(folder: Path) -> tuple[Findings, dict[str, Any]]:
    """The findings in a results folder and their manifest; tables of per-image values may be left out.

    Raises:
        OSError: a file is missing.
        ValueError: a file is of another version or damaged.
    """
    manifest = read_manifest(folder / MANIFEST)
    missing = {"experiment", "facts", "tables", "pictures"} - manifest.keys()
    if missing:
        raise ValueError(f"{folder / MANIFEST} lacks {', '.join(sorted(missing))}; expected that of an experiment")
    main = manifest["experiment"]
    left_out = {name for name, columns in manifest["tables"].items() if _spared(folder, name, columns, main=main)}
    for name in manifest.get("lines", {}).keys() - left_out:
        _check_whole(folder / f"{name}.csv", manifest["lines"][name])
    tables = {
        name: pd.DataFrame(columns=columns) if name in left_out else open_table(folder / f"{name}.csv", columns=columns)
        for name, columns in manifest["tables"].items()
    }
    pictures = {name: _picture(folder, name) for name in manifest["pictures"]}
    return Findings(tables, pictures, manifest["facts"]), manifest


def _spared(folder: Path, name: str, columns: Sequence[str], *, main: str) -> bool:
    """Whether values per image were taken out to save space: figures show means, those of the main table a summary."""
    per_image = set(COLUMNS) <= set(columns)
    return (
        per_image and not (folder / f"{name}.csv").exists() and (name != main or (folder / summary_file(main)).exists())
    )


def summary_file(name: str) -> str:
    """Name of the file that holds the summary of an experiment's table."""
    return f"{name}_summary.csv"


def _lines(table: Path) -> int:
    """Number of whole lines of a file."""
    with table.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _check_whole(table: Path, lines: int) -> None:
    """Raises ValueError where the end of a table is missing, which its rows alone do not tell."""
    found = _lines(table)
    if found < lines:
        raise ValueError(
            f"{table} has {found} lines of the {lines} that were written: it was cut off, make it again. If you took "
            f"rows out yourself, take `lines` out of {MANIFEST}"
        )


def _picture(folder: Path, name: str) -> Image.Image:
    with Image.open(folder / f"{name}.png") as opened:
        return opened.convert("RGB")
