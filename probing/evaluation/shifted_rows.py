"""Clean, shifted and relative accuracy of every cell of several models: rows of the table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from models import image_transform

from ..data import LabelledImages
from .account import cell_row, in_percent, ratio_row
from .passes import Passes
from .pictures import AmplitudeSwapped, Clean
from .shifted import Comparison, class_numbers, comparison, relative_accuracy
from .subjects import Subject

OURS = "amplitude-swapped"
"""Name of our own way to randomise textures."""


@dataclasses.dataclass(frozen=True)
class Shift:
    """Clean images, and what stands against them.

    Attributes:
        clean: images with labels.
        shifted: others of the same classes; the same ones where they are shifted by us.
        beside: which clean images count.
        seed: of our own textures; None where the shifted images are given.
    """

    clean: LabelledImages
    shifted: LabelledImages
    beside: Comparison
    seed: int | None

    def note(self) -> str:
        """What stands behind the recipe of shifted numbers."""
        what = f"shifted={self.shifted.where}" if self.seed is None else f"textures={OURS} (ours) seed={self.seed}"
        return f"{what}, {'paired' if self.beside.paired else 'not paired'}"


def given(clean: LabelledImages, shifted: LabelledImages) -> Shift:
    """Against other images, such as those of Stylized ImageNet."""
    return Shift(clean, shifted, comparison(clean, shifted), None)


def with_our_textures(clean: LabelledImages, seed: int) -> Shift:
    """Against the same images, each with the amplitudes of one of another class."""
    return Shift(clean, clean, Comparison(tuple(range(len(clean))), paired=True), seed)


def check_classes(subjects: Sequence[Subject], shift: Shift) -> None:
    """Refuse images of classes that a model does not know, before anything is passed.

    Raises:
        ValueError: there are some.
    """
    for subject in subjects:
        for images in (shift.clean, shift.shifted):
            class_numbers(images, subject.classes(shift.clean.classes))


def shifted_rows(subject: Subject, shift: Shift, passes: Passes) -> list[dict[str, Any]]:
    """Of each cell the accuracy on clean images, on shifted ones, and their ratio."""
    before, after = _right(subject, shift, passes)
    rows = []
    for number, cell in enumerate(subject.cells):
        ratio = relative_accuracy(after[:, number], before[:, number], paired=shift.beside.paired)
        rows.append(cell_row(subject, cell, "accuracy", before[:, number]))
        rows.append(cell_row(subject, cell, "accuracy_shifted", after[:, number], note=shift.note()))
        rows.append(ratio_row(subject, cell, "relative_accuracy", after[:, number], ratio, note=shift.note()))
    return rows


def in_words(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each number of each model's last layer."""
    last: dict[str, int] = {}
    for row in rows:
        last[row["model"]] = max(row["layer"], last.get(row["model"], 0))
    return [
        f"{row['model']}, layer {row['layer']}, {row['pooling']}: {row['metric']} "
        f"{in_percent((row['value'], row['low'], row['high']))} on {row['images']} images"
        for row in rows
        if row["layer"] == last[row["model"]]
    ]


def _right(
    subject: Subject, shift: Shift, passes: Passes
) -> tuple[Bool[Tensor, "image cell"], Bool[Tensor, "other cell"]]:
    """Which answers are right: to the clean images that count, and to the shifted ones."""
    transform = image_transform(subject.model)
    clean, other = Clean(shift.clean, transform), Clean(shift.shifted, transform)
    if shift.seed is not None:
        other = AmplitudeSwapped(shift.clean, transform, shift.seed)
    classes = subject.classes(shift.clean.classes)
    truth = torch.tensor(class_numbers(shift.clean, classes))[list(shift.beside.clean)]
    answers = passes.answers(subject, clean, title=f"{subject.name}, clean", chosen=shift.beside.clean)
    shifted = passes.answers(subject, other, title=f"{subject.name}, shifted")
    return answers == truth[:, None], shifted == torch.tensor(class_numbers(shift.shifted, classes))[:, None]
