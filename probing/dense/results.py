"""What a run of the command leaves behind: table, manifest and figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import image_transform
from ops.plots import image_array
from study.provenance import arithmetic, versions, weights

from ..table import read_results, write_results
from .drawing import dense_figure, saved_figure
from .masks import MaskedImages
from .run import Probed, Subject, Task, truth


def write(
    found: Mapping[str, Probed], subjects: Sequence[Subject], task: Task, shown: Sequence[int], command: str
) -> list[Path]:
    """Write `probing.csv`, `probing.json` and the figure; paths of table and figure.

    Args:
        found: by model.
        subjects: the models.
        task: what was asked.
        shown: test images in the figure.
        command: as it was typed.
    """
    rows = [row for probed in found.values() for row in probed.rows]
    table = write_results(rows, _manifest(found, subjects, task, command), task.out)
    pictures, truths = _samples(subjects[0], task, shown)
    predictions = {f"{name}\nbest layer {probed.best}": list(probed.shown.numpy()) for name, probed in found.items()}
    figure = dense_figure(read_results(table), pictures, truths, predictions, task.test.classes)
    return [table, saved_figure(figure, task.out)]


def _samples(subject: Subject, task: Task, shown: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(pictures as a model sees them, their class numbers)."""
    model: Any = subject.model
    transform, config = image_transform(model), model.pretrained_cfg
    pictures = [image_array(transform(task.test[index].image), config["mean"], config["std"]) for index in shown]
    return pictures, list(truth(model, task.test, subject.test).masks(shown).numpy())


def _manifest(found: Mapping[str, Probed], subjects: Sequence[Subject], task: Task, command: str) -> dict[str, Any]:
    return {
        "command": command,
        "recipe": dataclasses.asdict(task.recipe),
        "tokens": "passed in each epoch" if task.cache is None else "cached",
        "pixels": "those of the model's centre crop, the nearest of the mask; void ones are left out",
        "data": {part: _origin(pairs) for part, pairs in (("train", task.train), ("test", task.test))},
        "classes": list(task.test.classes),
        "models": {one.name: weights(one.model) for one in subjects},
        "transforms": {one.name: " ".join(str(image_transform(one.model)).split()) for one in subjects},
        "best_layer": {name: probed.best for name, probed in found.items()},
        "class_iou": {name: probed.class_ious for name, probed in found.items()},
        "arithmetic": arithmetic(task.dtype, task.here.device),
        "versions": versions(),
    }


def _origin(pairs: MaskedImages) -> dict[str, Any]:
    known = {"where": pairs.where, "images": len(pairs), "sha256": pairs.digest}
    return {**known, "without_partner": list(pairs.unmatched)}
