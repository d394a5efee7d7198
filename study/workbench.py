"""What a notebook stands on: models, images and a device, with something to show even without a network."""

from __future__ import annotations

import dataclasses
import os

import torch

from .data import Images, open_images
from .device import device_of
from .model_set import ModelSet, is_packaged, open_models

MODELS = "VIT_ANATOMY_MODELS"
IMAGES = "VIT_ANATOMY_IMAGES"
"""Environment variables that outrule a notebook's form, so that it runs unchanged elsewhere."""


@dataclasses.dataclass(frozen=True)
class Workbench:
    """Models, images and the device that they meet on.

    Attributes:
        models: with `.loaded`, {name: model}, and `.refused`, {name: why}.
        images: in a fixed order.
        device: of the models.
        downloads: whether any of the models does not come with the project, so that hosts can be expected to answer.
        remarks: how this differs from what was asked for.
    """

    models: ModelSet
    images: Images
    device: torch.device
    downloads: bool
    remarks: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What a reader must know before believing a figure, one sentence or line each."""
        count = f"{len(self.images)} images of {self.images.where}, on {self.device.type}"
        return [*self.remarks, *self.models.notes, count]


def workbench(models: str, images: str, *, number: int | None = None) -> Workbench:
    """Models and images by name, on the GPU where there is one.

    A model that cannot be had is left out, and if that leaves none, the miniatures take their place; images that cannot
    be had are replaced by the photographs that come with scikit-learn and scikit-image. `.notes` says all of this. The
    environment variables VIT_ANATOMY_MODELS and VIT_ANATOMY_IMAGES outrule the arguments. TF32 is switched off.

    Args:
        models: names, separated by commas.
        images: as `study.open_images` takes them.
        number: of images, evenly spaced over the sorted list, and so over its classes; None for all.
    Raises:
        ValueError: a model that nobody knows, or a folder without images.
    """
    remarks = [*_outruled(MODELS, models), *_outruled(IMAGES, images)]
    models, images = os.environ.get(MODELS, models), os.environ.get(IMAGES, images)
    device = device_of("auto")
    opened, missing = _images_or_sample(images, number)
    model_set = open_models(models, device=device)
    downloads = not all(is_packaged(name) for name in model_set.loaded)
    return Workbench(model_set, opened, device, downloads, (*remarks, *missing))


def images_of_classes(images: Images, *, classes: int, each: int) -> tuple[list[int], list[int], list[str]]:
    """The first images of the first classes: their numbers, the class of each (counted from 0), names of the classes.

    Args:
        images: with or without labels; without, the first `each` images, every one a class of its own.
        classes: how many classes.
        each: how many images of each.
    """
    if images.labels is None:
        chosen = list(range(min(each, len(images))))
        return chosen, chosen, [images.names[index] for index in chosen]
    present = sorted(set(images.labels))[:classes]
    members = [[index for index, label in enumerate(images.labels) if label == one][:each] for one in present]
    kinds = [kind for kind, indices in enumerate(members) for _ in indices]
    return [index for indices in members for index in indices], kinds, [images.classes[one] for one in present]


def _images_or_sample(where: str, number: int | None) -> tuple[Images, list[str]]:
    try:
        return open_images(where, limit=number), []
    except OSError as error:
        reason = str(error).partition(" (")[0].partition("; ")[0]
        remark = (
            f"{where} cannot be had ({reason}): the photographs that come with scikit-learn and scikit-image instead."
        )
        return open_images("sample", limit=number), [remark]


def _outruled(variable: str, asked: str) -> list[str]:
    given = os.environ.get(variable, asked)
    return [] if given == asked else [f"{variable} is set: {given}, instead of {asked}."]
