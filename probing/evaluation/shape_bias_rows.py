"""Shape bias of every cell of several models: rows of the table, differences between models, a summary in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from jaxtyping import Int
from torch import Tensor

from models import image_transform

from ..data import LabelledImages
from ..features.frozen import Cell
from .account import cell_row, in_percent, ratio_row
from .cue_conflict import cue_numbers
from .passes import Passes
from .pictures import Clean
from .shape_bias import ShapeBias, bias_difference, shape_bias
from .sixteen_classes import IMAGENET, SIXTEEN, scores_of_sixteen
from .subjects import Subject

Found = Mapping[tuple[str, Cell], ShapeBias]
"""By name of the model, and layer and pooling."""


def shape_biases(subjects: Sequence[Subject], images: LabelledImages, passes: Passes) -> Found:
    """Decisions of all cells of all models, each model with one pass.

    Raises:
        ValueError: an image's name does not tell its cues, or a model knows other classes; before anything is passed.
    """
    cues = cue_numbers(images.names)
    scores = [scores_of_sixteen(subject.classes(_of_classifier(subject))) for subject in subjects]
    found = {}
    for subject, score in zip(subjects, scores, strict=True):
        pictures = Clean(images, image_transform(subject.model))
        answers = passes.answers(subject, pictures, title=subject.name, scores=score, scored="sixteen")
        for number, cell in enumerate(subject.cells):
            found[subject.name, cell] = shape_bias(answers[:, number], *cues)
    return found


def shape_bias_rows(subjects: Sequence[Subject], images: LabelledImages, found: Found) -> list[dict[str, Any]]:
    """Of each cell the bias, the shares of shape, texture and neither, and the bias of each class of shapes."""
    shape, texture = cue_numbers(images.names)
    conflicting = shape[shape != texture]
    return [line for subject in subjects for cell in subject.cells for line in _rows(subject, cell, found, conflicting)]


def bias_differences(subjects: Sequence[Subject], found: Found) -> list[dict[str, Any]]:
    """Of every two models in the cells that both have, paired over images."""
    return [
        _difference(first.name, second.name, cell, found)
        for first, second in combinations(subjects, 2)
        for cell in first.cells
        if cell in second.cells
    ]


def in_words(subjects: Sequence[Subject], found: Found, differences: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each pooling of each model's last layer, and for each difference there."""
    last = {subject.name: max(cell.layer for cell in subject.cells) for subject in subjects}
    lines = [_sentence(name, cell, bias) for (name, cell), bias in found.items() if cell.layer == last[name]]
    for line in differences:
        if line["layer"] == last[line["first"]] == last[line["second"]]:
            ends = in_percent((line["difference"], line["low"], line["high"]))
            lines.append(
                f"{line['first']} - {line['second']}, layer {line['layer']}, {line['pooling']}: {ends}, paired"
            )
    return lines


def _of_classifier(subject: Subject) -> Sequence[str]:
    """Names of the classes of a model's own classifier, as far as their number tells; of probes nothing is asked here.

    Raises:
        ValueError: it has neither the 16 classes nor ImageNet's.
    """
    own = subject.model.num_classes
    if subject.probes is None and own not in (len(SIXTEEN), IMAGENET):
        raise subject.misfit(f"{len(SIXTEEN)} ({', '.join(SIXTEEN[:5])} ...), or {IMAGENET} as ImageNet's")
    return SIXTEEN if own == len(SIXTEEN) else [str(number) for number in range(IMAGENET)]


def _rows(subject: Subject, cell: Cell, found: Found, shape: Int[Tensor, " image"]) -> list[dict[str, Any]]:
    bias = found[subject.name, cell]
    rows = [ratio_row(subject, cell, "shape_bias", bias.shape, (bias.bias, *bias.interval()))]
    rows += [cell_row(subject, cell, share, getattr(bias, share)) for share in ("shape", "texture", "neither")]
    for number, name in enumerate(SIXTEEN):
        of_class = shape == number
        if of_class.any():
            part = ShapeBias(bias.shape[of_class], bias.texture[of_class])
            rows.append(ratio_row(subject, cell, f"shape_bias@{name}", part.shape, (part.bias, *part.interval())))
    return rows


def _difference(first: str, second: str, cell: Cell, found: Found) -> dict[str, Any]:
    value, low, high = bias_difference(found[first, cell], found[second, cell])
    known = {"first": first, "second": second, "layer": cell.layer, "pooling": cell.pooling}
    return {**known, "difference": value, "low": low, "high": high}


def _sentence(name: str, cell: Cell, bias: ShapeBias) -> str:
    text = f"shape bias {in_percent((bias.bias, *bias.interval()))}"
    if not bias.decided.any():
        text = "no shape bias: no image was named by its shape or its texture"
    shares = [
        f"{share} {100 * getattr(bias, share).double().mean():.1f} %" for share in ("shape", "texture", "neither")
    ]
    return f"{name}, layer {cell.layer}, {cell.pooling}: {text}; {', '.join(shares)} of {len(bias.shape)} images"
