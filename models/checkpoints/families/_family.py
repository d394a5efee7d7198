"""The words in which a family of checkpoints is described."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

from ...weights.normalisation import IMAGENET_MEAN, IMAGENET_STD

Positions = Literal["antialias", "bicubic", "scale_factor"]


@dataclasses.dataclass(frozen=True)
class Part:
    """One set of weights in a file.

    Attributes:
        name: as `part=` calls it.
        entries: entries of the outermost dict that may hold it, in order of trial; "" is the dict itself.
        prefixes: what may stand before the names of its weights, in order of trial.
    """

    name: str
    entries: tuple[str, ...]
    prefixes: tuple[str, ...] = ("",)


@dataclasses.dataclass(frozen=True)
class Drop:
    """Keys that are not loaded, and why; `pattern` must match the key with its prefix, from end to end."""

    pattern: str
    reason: str


INDEX = Drop(r".*relative_position_index", "computed from the window; timm builds the same")
"""Of every file with relative position biases."""

NAMED = (r"only when the caller or a card names the family",)
"""Evidence of formats whose keys do not tell who trained them: no file holds it."""


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file of a family. All patterns are regular expressions that match a whole name.

    Attributes:
        name: of the kind, such as "pre-training".
        parts: the sets of weights in it; the first is the one that is loaded unless `part=` names another.
        marks: each must match one of the part's weights.
        absent: none may match one of the part's weights.
        evidence: each must match a weight, an entry of the outermost dict or "container:torch"; it tells
            this family from others of the same shape, so it is not asked for when the caller names the family.
        drops: keys that are not loaded.
        renames: (pattern, replacement) from the file's names, prefix removed, to timm's.
        saw_labels: whether labels were used for these weights; None where the file cannot tell.
        proven: whether the keys prove who trained the weights; of others the licence is not known.
        note: what to know of such files.
    """

    name: str
    parts: tuple[Part, ...]
    marks: tuple[str, ...]
    absent: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    drops: tuple[Drop, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    saw_labels: bool | None = False
    proven: bool = True
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Family:
    """Checkpoints that were trained by one method and published in one way.

    Attributes:
        name: as `family=` and the passport call it.
        title: as a figure calls it.
        formats: kinds of files, in order of trial.
        heads: number of heads by (dim, depth) of the published models; the shapes do not tell it.
        positions: how the official code resizes the absolute position table.
        licence: of the published weights, where known.
        mean, std, interpolation, crop_pct: of the official evaluation's preprocessing.
    """

    name: str
    title: str
    formats: tuple[Format, ...]
    heads: Mapping[tuple[int, int], int]
    positions: Positions = "antialias"
    licence: str | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
    crop_pct: float = 0.875
