"""Accuracy of every cell of several models under noise in each band: rows of the table, and the noise's size."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from models import image_transform
from study.data import subset

from ..data import LabelledImages
from .account import cell_row
from .frequency import Calibration, band_name, calibrated, uneven_bands, worst_drop
from .passes import Passes
from .pictures import Clean, Noisy
from .shifted import class_numbers
from .subjects import Subject


@dataclasses.dataclass(frozen=True)
class Bands:
    """Noise in the same bands on the same images, for one model after another.

    Attributes:
        images: with labels.
        frequencies: centres of the bands in units of pi.
        width: of a band in units of pi.
        seed: of the noise.
        passes: how images are passed.
    """

    images: LabelledImages
    frequencies: Sequence[float]
    width: float
    seed: int
    passes: Passes

    def truth(self, subject: Subject) -> Tensor:
        """(image): class of each image in the numbers that a model answers with.

        Raises:
            ValueError: the model knows other classes.
        """
        return torch.tensor(class_numbers(self.images, subject.classes(self.images.classes)))

    def clean(self, subject: Subject, chosen: Sequence[int] | None = None) -> Bool[Tensor, "image cell"]:
        """Which answers are right without noise."""
        return self._right(subject, Clean(self.images, image_transform(subject.model)), "clean", chosen)

    def noisy(
        self, subject: Subject, frequency: float, epsilon: float, chosen: Sequence[int] | None = None
    ) -> Bool[Tensor, "image cell"]:
        """Which answers are right with noise in one band."""
        transform = image_transform(subject.model)
        pictures = Noisy(self.images, transform, frequency, epsilon, self.width, self.seed)
        return self._right(subject, pictures, band_name(frequency), chosen)

    def unevenness(self, subject: Subject) -> str | None:
        """What to say of the bands on images of this model's size, see `uneven_bands`."""
        pixels = Clean(self.images, image_transform(subject.model))[0].shape[-1]
        return uneven_bands(self.frequencies, self.width, pixels)

    def _right(self, subject: Subject, pictures: Clean, title: str, chosen: Sequence[int] | None) -> Tensor:
        truth = self.truth(subject)
        answers = self.passes.answers(subject, pictures, title=f"{subject.name}, {title}", chosen=chosen)
        return answers == (truth if chosen is None else truth[list(chosen)])[:, None]


def frequency_rows(subject: Subject, bands: Bands, epsilon: float) -> list[dict[str, Any]]:
    """Of each cell the accuracy without noise; of each band accuracy, and drop as a share, image by image."""
    clean = bands.clean(subject)
    noisy = {band_name(frequency): bands.noisy(subject, frequency, epsilon) for frequency in bands.frequencies}
    note = f"noise epsilon={epsilon:g} width={bands.width:g}pi seed={bands.seed}"
    rows = []
    for number, cell in enumerate(subject.cells):
        before = clean[:, number]
        rows.append(cell_row(subject, cell, "accuracy", before))
        for band, right in noisy.items():
            drop = before.double() - right[:, number].double()
            rows.append(cell_row(subject, cell, f"accuracy@{band}", right[:, number], note=note))
            rows.append(cell_row(subject, cell, f"accuracy_drop@{band}", drop, note=note))
    return rows


def calibrated_on(subject: Subject, bands: Bands, points: float, count: int) -> tuple[Calibration, dict[str, Any]]:
    """The size of the noise at which a model's best probe loses about so many points in its worst band.

    Args:
        subject: the model; of its cells the one of highest clean accuracy counts.
        bands: all of them are tried.
        points: of accuracy, 0 to 100.
        count: number of images, evenly spaced.
    Returns:
        What was found, and the same for the manifest.
    """
    chosen = subset(len(bands.images), count, None)
    clean = bands.clean(subject, chosen)
    best = int(clean.double().mean(dim=0).argmax())

    def drop_at(epsilon: float) -> float:
        right = [bands.noisy(subject, frequency, epsilon, chosen)[:, best] for frequency in bands.frequencies]
        return worst_drop(clean[:, best], right)

    found = calibrated(drop_at, points / 100)
    cell = subject.cells[best]
    known = {"model": subject.name, "layer": cell.layer, "pooling": cell.pooling, "images": len(chosen)}
    return found, {**known, "asked": points / 100, "drop": found.drop, "tried": [list(step) for step in found.tried]}


def in_words(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each pooling of each model's last layer: clean accuracy and the worst band."""
    lines = []
    for name in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == name]
        last = max(row["layer"] for row in own)
        for pooling in dict.fromkeys(row["pooling"] for row in own if row["layer"] == last):
            cell = [row for row in own if (row["layer"], row["pooling"]) == (last, pooling)]
            lines.append(f"{name}, layer {last}, {pooling}: {_sentence(cell)}")
    return lines


def _sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    clean = next(row for row in rows if row["metric"] == "accuracy")
    worst = max((row for row in rows if row["metric"].startswith("accuracy_drop@")), key=lambda row: row["value"])
    drop, low, high = (100 * worst[end] for end in ("value", "low", "high"))
    band = worst["metric"].partition("@")[2]
    return f"{100 * clean['value']:.1f} % clean, worst at {band}: {drop:.1f} points less ({low:.1f} to {high:.1f})"
