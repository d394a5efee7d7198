"""Folders of results as `python -m probing` leaves them, made by hand: numbers that a test knows."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import models
from probing.table import COLUMNS, write_results
from study.provenance import weights

CLASSES = ["a", "b", "c", "d"]
PART = {"where": "pictures.zip/test", "count": 200, "digest": "d" * 64}


@functools.cache
def passport(name: str) -> dict[str, Any]:
    """What a command writes of a model's weights."""
    return weights(models.load_model(name))


def line(model: str, layer: int, pooling: str, head: str, value: float, metric: str = "accuracy", **more) -> dict:
    """One row; the interval is a tenth around the value."""
    known = {"model": model, "layer": layer, "pooling": pooling, "head": head, "metric": metric, "value": value}
    known |= {"low": value - 0.05, "high": value + 0.05, "images": 200, "recipe": f"{head}-v1: norm none"}
    return {name: {**known, **more}[name] for name in COLUMNS}


def results(folder: Path, what: str, rows: list[dict], **manifest: Any) -> Path:
    """Write a folder of one command; fields of the manifest may be given."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(row["model"] for row in rows))
    known: dict[str, Any] = {
        "command": f"python -m probing {what} --out x",
        "created": "now",
        "versions": {"torch": "2"},
    }
    if what == "finetune":
        (name,) = names
        known |= {"start": {"name": name, "sha256": passport(name)["parameters_sha256"]}, "fine_tuned": passport(name)}
        known |= {
            "data": {"test": {"where": PART["where"], "images": 200, "sha256": PART["digest"]}},
            "classes": CLASSES,
        }
    elif what in {"shifted", "frequency-noise", "shape-bias"}:
        known["models"] = {name: {"weights": passport(name), "classes": len(CLASSES)} for name in names}
        known["images"] = {"data": PART, "shifted": PART}
    else:
        known |= {"images": {"test": {**PART, "classes": CLASSES}}}
        known |= {} if "models" in manifest else {"models": {name: passport(name) for name in names}}
    write_results(rows, {**known, **manifest}, folder)
    return folder


def layers(
    folder: Path, curves: dict[str, list[float]], *, head: str = "linear", pooling: str = "patches", **manifest
) -> Path:
    """Accuracies over layers, from the embedding on, by model."""
    rows = [
        line(name, layer, pooling, head, value) for name, curve in curves.items() for layer, value in enumerate(curve)
    ]
    return results(folder, "layers", rows, **manifest)
