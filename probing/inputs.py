"""From what was typed to the features of each model, its training and its test images."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from study.loading import loaded_models, shown_names
from study.processes import Process
from study.provenance import arithmetic, plain, versions, weights

from .data import LabelledImages, labelled_images, matched_labels, require_others, train_and_test
from .features.extraction import Wanted, extracted
from .features.store import Features
from .low_shot import low_shot

CACHE = "features"  # folder in --out


@dataclasses.dataclass(frozen=True)
class Inputs:
    """One model's features of the training and the test images.

    Attributes:
        name: of the model in tables and figures.
        model: itself, on the CPU.
        train, test: features.
        fit: numbers of the training images that may be learned from.
        train_labels, test_labels: class of each image, in the numbers of `classes`.
        classes: names.
        train_images: themselves, for augmentation.
    """

    name: str
    model: nn.Module
    train: Features
    test: Features
    fit: Int[Tensor, " fit"]
    train_labels: Int[Tensor, " image"]
    test_labels: Int[Tensor, " image"]
    classes: tuple[str, ...]
    train_images: LabelledImages = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Session:
    """Models and images of a command, all opened before the work begins.

    Attributes:
        models: by the names that tables show.
        typed: the names as `models.load_model` takes them, in the same order.
        train, test: images.
        test_labels: in the numbers of the training classes.
    """

    models: dict[str, nn.Module]
    typed: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages
    test_labels: tuple[int, ...]


def opened(options: argparse.Namespace) -> Session:
    """Models and images that the options name.

    Raises:
        OSError, ValueError: something is not there, or images have no labels, one class, or unknown classes.
    """
    train_path, test_path = train_and_test(options.data, options.test)
    train = labelled_images(train_path, limit=options.limit, labels=options.labels)
    test = labelled_images(test_path, limit=options.limit, labels=options.test_labels)
    require_others(train, test)
    labels = tuple(matched_labels(train, test))
    typed = tuple(options.model)
    models = loaded_models(typed, options.num_heads)
    require_distinct(shown_names(typed))
    return Session(models, typed, train, test, labels)


def inputs(
    session: Session,
    options: argparse.Namespace,
    here: Process,
    wanted: Callable[[nn.Module], Wanted],
    *,
    tell: Callable[[str], None],
) -> Iterator[Inputs]:
    """Features of one model after the other, extracted or from the cache.

    Args:
        session: of `opened`.
        options: with cache, out, batch_size, workers, dtype, shots, seed.
        here: this process.
        wanted: what is asked of a model.
        tell: is told what will be written.
    """
    cache = (options.cache or options.out / CACHE).expanduser()
    running: dict[str, Any] = {
        "here": here,
        "batch_size": options.batch_size,
        "workers": options.workers,
        "dtype": options.dtype,
        "tell": tell,
    }
    train_labels = torch.tensor(session.train.labels)
    fit = low_shot(train_labels, getattr(options, "shots", None), seed=getattr(options, "seed", 0))
    for name, model in session.models.items():
        asked, folder = wanted(model), cache / file_name(name)
        yield Inputs(
            name=name,
            model=model,
            train=extracted(model, session.train, folder / "train", asked, **running),
            test=extracted(model, session.test, folder / "test", asked, **running),
            fit=fit,
            train_labels=train_labels,
            test_labels=torch.tensor(session.test_labels),
            classes=tuple(session.train.classes),
            train_images=session.train,
        )


def manifest(session: Session, options: argparse.Namespace, here: Process, command: str) -> dict[str, Any]:
    """Where the numbers of a table come from."""
    images = {"train": session.train, "test": session.test}
    return {
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": {key: plain(value) for key, value in vars(options).items() if not callable(value)},
        "models": {name: weights(model) for name, model in session.models.items()},
        "images": {
            split: {"where": part.where, "count": len(part), "digest": part.digest, "classes": list(part.classes)}
            for split, part in images.items()
        },
        "arithmetic": arithmetic(options.dtype, here.device),
        "processes": here.world,
        "versions": versions(),
    }


def file_name(name: str) -> str:
    """A model's name as part of a path.

    >>> file_name("runs/mine.pth")
    'runs_mine.pth'
    """
    return name.replace("/", "_").replace("\\", "_").strip("_")


def require_distinct(names: Sequence[str]) -> None:
    """Raise ValueError where two models would have one folder."""
    files = [file_name(name) for name in names]
    double = sorted({file for file in files if files.count(file) > 1})
    if double:
        raise ValueError(f"--model: two models would be kept as {', '.join(double)}; rename one")
