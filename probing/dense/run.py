"""Dense probes of one model, from its images to lines of the table."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from models import image_transform
from study.processes import Process
from study.provenance import weights_hash

from ..features.extraction import Wanted, extracted
from ..features.frozen import Frozen
from ..inputs import file_name
from .geometry import mask_transform
from .masks import JustImages, MaskedImages
from .measurement import best_place, class_ious, confusions, predicted_masks, table_rows
from .recipe import DenseRecipe
from .tokens import CachedTokens, PassedTokens, PatchTokens
from .training import trained
from .truth import Truth


@dataclasses.dataclass(frozen=True)
class Task:
    """What is asked of every model.

    Attributes:
        train, test: pairs of image and mask, of the same classes.
        recipe: of the probes.
        out: folder of their states.
        cache: folder of kept tokens; None passes the images through the model in each epoch.
        here: this process.
        batch_size: images that pass the model at once.
        workers: processes that read images.
        dtype: of the frozen model and its images.
        progress: show bars.
    """

    train: MaskedImages
    test: MaskedImages
    recipe: DenseRecipe
    out: Path
    cache: Path | None
    here: Process
    batch_size: int = 64
    workers: int = 0
    dtype: str = "float32"
    progress: bool = True


@dataclasses.dataclass(frozen=True)
class Subject:
    """One model, its tokens at hand.

    Attributes:
        name: as figures and table have it.
        model: on the CPU.
        layers: that are probed.
        train, test: tokens of the images.
    """

    name: str
    model: nn.Module
    layers: tuple[int, ...]
    train: PatchTokens
    test: PatchTokens


@dataclasses.dataclass(frozen=True)
class Probed:
    """What was found of one model.

    Attributes:
        rows: of the table.
        best: layer with the highest mean intersection over union on the test images.
        class_ious: by layer and class.
        shown: predicted classes of some test images at that layer.
    """

    rows: list[dict[str, Any]]
    best: int
    class_ious: dict[str, dict[str, float | None]]
    shown: UInt8[Tensor, "image row column"]

    @property
    def text(self) -> str:
        """The number of the best layer, for the terminal."""
        row = next(row for row in self.rows if row["layer"] == self.best and row["metric"] == "miou")
        numbers = (f"{100 * row[name]:.1f}" for name in ("value", "low", "high"))
        return "{}: mIoU at most {} % [{}, {}], layer {} ({})".format(row["model"], *numbers, self.best, row["recipe"])


def subject(name: str, model: nn.Module, layers: Sequence[int], task: Task) -> Subject:
    """A model with the tokens of all images, in the cache or to be had by a pass; all processes have to ask.

    Raises:
        ValueError: no such layer or norm, or a cache of something else.
        OSError: the disk is full.
    """
    train, test = (_tokens(Path(file_name(name)) / part, model, layers, pairs, task)
                   for part, pairs in (("train", task.train), ("test", task.test)))  # fmt: skip
    return Subject(name, model, tuple(layers), train, test)


def probed(subject: Subject, task: Task, *, shown: Sequence[int] = ()) -> Probed:
    """Probes of a model trained, or read where an earlier run ended, and tested.

    Args:
        subject: the model.
        task: what is asked.
        shown: test images whose prediction is wanted.
    """
    device, progress = task.here.device, task.progress
    train, test = (truth(subject.model, pairs, tokens, task.workers)
                   for pairs, tokens in ((task.train, subject.train), (task.test, subject.test)))  # fmt: skip
    identity = _identity(subject, task)
    with _on_device(subject.model, task):
        probe = trained(
            subject.train,
            train.counts(),
            task.recipe,
            path=task.out / f"dense-{file_name(subject.name)}.pth",
            identity=identity,
            device=device,
            progress=progress,
        )
        counts = confusions(probe, subject.test, test, batch_size=task.recipe.batch, progress=progress)
        best = best_place(counts)
        masks = predicted_masks(probe, subject.test, shown, best) if shown else torch.empty(0, 0, 0, dtype=torch.uint8)
    return Probed(
        rows=table_rows(counts, model=subject.name, layers=subject.layers, recipe=task.recipe.text),
        best=subject.layers[best],
        class_ious=class_ious(counts, subject.layers, task.test.classes),
        shown=masks,
    )


def truth(model: nn.Module, pairs: MaskedImages, tokens: PatchTokens, workers: int = 0) -> Truth:
    """The masks of a data set as a model's patches see them."""
    return Truth(pairs, mask_transform(image_transform(model)), tokens.layout, max(1, workers))


def _tokens(name: Path, model: nn.Module, layers: Sequence[int], pairs: MaskedImages, task: Task) -> PatchTokens:
    if task.cache is None:
        frozen = Frozen(model, (), token_layers=layers, norm=task.recipe.norm)
        return PassedTokens(frozen, pairs, image_transform(model), readers=max(1, task.workers))
    features = extracted(
        model,
        JustImages(pairs),
        task.cache / name,
        Wanted((), token_layers=tuple(layers), norm=task.recipe.norm),
        here=task.here,
        batch_size=task.batch_size,
        workers=task.workers,
        dtype=task.dtype,
        progress=task.progress,
        tell=print,
    )
    return CachedTokens(features, layers)


@contextlib.contextmanager
def _on_device(model: nn.Module, task: Task) -> Iterator[None]:
    """The model where and as it runs, if images are passed through it; else it stays where it is."""
    if task.cache is not None:
        yield
        return
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    model.to(task.here.device, getattr(torch, task.dtype))
    try:
        yield
    finally:
        model.to("cpu", torch.float32).load_state_dict(kept)


def _identity(subject: Subject, task: Task) -> dict[str, Any]:
    """What trained probes depend on beside their recipe."""
    return {
        "weights": weights_hash(subject.model),
        "training pairs": task.train.digest,
        "classes": list(task.train.classes),
        "transform": " ".join(str(image_transform(subject.model)).split()),
        "dtype": task.dtype,
        "tokens": "passed" if task.cache is None else "cached",
    }
