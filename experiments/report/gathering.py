"""The runs that a report is made of."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from study.record import read_manifest

from ..catalogue import EXPERIMENTS
from ..claims.writing import JSON
from ..findings import MANIFEST
from ..folder import run_folders

ANSWERS = ("holds", "does not hold", "undecided", "no data")


@dataclasses.dataclass(frozen=True)
class Run:
    """A folder of results.

    Attributes:
        folder: where it is.
        name: of the experiment; `claims` for judged claims.
        manifest: what was written beside the results.
        claims: the judged claims, as `claims.json` holds them; () for a figure.
    """

    folder: Path
    name: str
    manifest: dict[str, Any]
    claims: tuple[dict[str, Any], ...] = ()


def gathered(folders: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """The runs in the folders, in the order of the catalogue, and what was passed over, one sentence each.

    Args:
        folders: of single runs, or of several such folders.
    Raises:
        OSError: one of them does not exist or holds no run.
        ValueError: results are damaged or of another version.
    """
    places = dict.fromkeys(place.resolve() for folder in folders for place in run_folders(folder.expanduser()))
    runs, passed_over = [], []
    for place in places:
        manifest = read_manifest(place / MANIFEST)
        if "experiment" in manifest:
            runs.append(_run(place, manifest))
        else:
            passed_over.append(f"{place.name} is left out: its {MANIFEST} names no experiment")
    if not runs:
        raise OSError(f"{', '.join(map(str, folders))}: no results of an experiment; {'; '.join(passed_over)}")
    order = ["claims", *EXPERIMENTS]
    return sorted(runs, key=lambda run: order.index(run.name) if run.name in order else len(order)), passed_over


def model_names(runs: Iterable[Run]) -> list[str]:
    """Names of all models of the runs, each once."""
    return list(dict.fromkeys(name for run in runs for name in run.manifest.get("models", ())))


def loadable(runs: Iterable[Run]) -> dict[str, str]:
    """What `models.load_model` takes for each model of the runs, by the name that figures show: of a file its path."""
    found: dict[str, str] = {}
    for run in runs:
        passports = run.manifest.get("models", {})
        typed = run.manifest.get("options", {}).get("models", ())
        if len(typed) == len(passports):
            for (name, passport), word in zip(passports.items(), typed, strict=True):
                found.setdefault(name, word if word == name else passport.get("path") or word)
    return {name: found.get(name, name) for name in model_names(runs)}


def _run(folder: Path, manifest: dict[str, Any]) -> Run:
    name = str(manifest["experiment"])
    return Run(folder, name, manifest, _claims(folder / JSON) if name == "claims" else ())


def _claims(file: Path) -> tuple[dict[str, Any], ...]:
    try:
        claims = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no JSON ({error}); was it cut off?") from error
    needed = {"name", "statement", "inequality", "source", "value", "low", "high", "answer"}
    if not (isinstance(claims, list) and all(isinstance(claim, dict) and needed <= claim.keys() for claim in claims)):
        raise ValueError(f"{file} is no list of claims with {', '.join(sorted(needed))}")
    strange = {str(claim["answer"]) for claim in claims} - set(ANSWERS)
    if strange:
        raise ValueError(f"{file} has the answer {', '.join(sorted(strange))}; expected {', '.join(ANSWERS)}")
    return tuple(claims)
