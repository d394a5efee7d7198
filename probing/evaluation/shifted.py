"""Accuracy on other images of the same classes, and how much of the clean accuracy that is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from jaxtyping import Bool
from torch import Tensor

from ops import resampled_means

from ..data import LabelledImages
from .resampling import percentile_interval


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Which clean images stand beside the shifted ones.

    Attributes:
        clean: numbers of the clean images that count; of paired ones in the order of the shifted images.
        paired: whether clean[i] and shifted image i are the same photograph.
    """

    clean: tuple[int, ...]
    paired: bool


def comparison(clean: LabelledImages, shifted: LabelledImages) -> Comparison:
    """The clean images of the same names, where every shifted image has one; else all clean ones of the same classes.

    Names are relative paths without suffix: `n01440764/ILSVRC2012_val_00000293.JPEG` and `.png` are the same. Images of
    one name but different classes are not.

    Raises:
        ValueError: two clean images have one name, or the two sets have no class in common.
    """
    number: dict[str, int] = {}
    for index, name in enumerate(clean.names):
        if _stem(name) in number:
            raise ValueError(f"{clean.where} has two images {_stem(name)}, which only their suffixes tell apart")
        number[_stem(name)] = index
    same = [number.get(_stem(name)) for name in shifted.names]
    partners = tuple(index for index in same if index is not None)
    if len(partners) == len(same) and _classes(clean, partners) == _classes(shifted, range(len(shifted))):
        return Comparison(partners, paired=True)
    seen = {shifted.classes[label] for label in shifted.labels or ()}
    chosen = tuple(index for index, label in enumerate(clean.labels or ()) if clean.classes[label] in seen)
    if not chosen:
        raise ValueError(f"{clean.where} and {shifted.where} have no class in common: nothing to compare")
    return Comparison(chosen, paired=False)


def class_numbers(images: LabelledImages, classes: Sequence[str]) -> list[int]:
    """Class of each image in the numbers that probes answer with; classes are matched by name.

    Raises:
        ValueError: an image is of a class that the probes do not know.
    """
    number = {name: index for index, name in enumerate(classes)}
    unknown = sorted({images.classes[label] for label in images.labels or ()} - set(number))
    if unknown:
        shown = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise ValueError(
            f"{images.where} has images of {shown}, which are none of the {len(classes)} classes that the probes know "
            f"({', '.join(classes[:5])}{' ...' if len(classes) > 5 else ''}): classes are matched by name"
        )
    return [number[images.classes[label]] for label in images.labels or ()]


def relative_accuracy(
    shifted: Bool[Tensor, " image"], clean: Bool[Tensor, " other"], *, paired: bool
) -> tuple[float, float, float]:
    """(ratio, low, high): accuracy on shifted images as a share of that on clean ones, with its 95 % interval.

        ratio = mean(shifted) / mean(clean)

    Args:
        shifted: which answers to shifted images are right.
        clean: which answers to clean images are right.
        paired: the same photographs in the same order, drawn together; else both sets are drawn by themselves.
    Returns:
        1 where nothing is lost; NaN where no clean answer is right, and an interval of NaN where too few are.
    """
    accuracy, ratio = clean.double().mean(), float("nan")
    if accuracy > 0:
        ratio = (shifted.double().mean() / accuracy).item()
    images = min(len(shifted), len(clean))
    if images < 2:
        return ratio, float("nan"), float("nan")
    draws = resampled_means(shifted.double()) / resampled_means(clean.double(), seed=0 if paired else 1)
    low, high = percentile_interval(draws, images=images)
    return ratio, low.item(), high.item()


def _classes(images: LabelledImages, numbers: Iterable[int]) -> list[str]:
    labels = images.labels or ()
    return [images.classes[labels[number]] for number in numbers]


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()
