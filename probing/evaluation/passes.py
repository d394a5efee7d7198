"""Passes of images through models, each kept on disk when it is done, so that a stopped command goes on."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from study.atomic import replacing
from study.processes import Process, agreed

from .answers import answers
from .pictures import Clean
from .subjects import Subject

FOLDER = "answers"
WORDS = 16  # hexadecimal digits of a file's name


@dataclasses.dataclass(frozen=True)
class Passes:
    """How images are passed.

    Attributes:
        here: this process.
        out: folder of the results; answers go to `answers` in it, one small file for each pass.
        batch_size: images that pass at once.
        workers: processes that read images.
        dtype: of model and images.
        progress: whether bars are shown.
    """

    here: Process
    out: Path
    batch_size: int
    workers: int
    dtype: str
    progress: bool = True

    def answers(
        self,
        subject: Subject,
        pictures: Clean,
        *,
        title: str,
        scores: Callable[[Tensor], Tensor] = lambda logits: logits,
        scored: str = "",
        chosen: Sequence[int] | None = None,
    ) -> Int[Tensor, "image cell"]:
        """Class number of each image in each cell of a model, from an earlier run where it was the very same pass.

        Args:
            subject: whose answers.
            pictures: prepared images; their kind and settings are part of what is the same.
            title: of the progress bar.
            scores: from logits to scores, of which the largest decides.
            scored: name of these scores, where they are not the logits.
            chosen: numbers of the images to pass; all by default.
        """
        path = self.out / FOLDER / f"{self._identity(subject, pictures, scored, chosen)}.npy"
        if not agreed(not path.is_file(), self.here.device):
            return torch.from_numpy(np.load(path)).long()
        subject.model.to(self.here.device, getattr(torch, self.dtype))
        if subject.oracle is not None:
            subject.oracle.to(self.here.device, getattr(torch, self.dtype))
        found = answers(
            subject.classifier(scores),
            pictures,
            here=self.here,
            batch_size=self.batch_size,
            workers=self.workers,
            chosen=chosen,
            title=title,
            progress=self.progress,
        )
        subject.model.cpu()
        if self.here.first:
            _keep(found, path)
        return found

    def _identity(self, subject: Subject, pictures: Clean, scored: str, chosen: Sequence[int] | None) -> str:
        """Of all that answers depend on."""
        known: dict[str, Any] = {
            **subject.hashes,
            "cells": subject.cells,
            "scored": scored,
            "images": pictures.images.digest,
            "labels": pictures.images.labels,
            "transform": " ".join(str(pictures.transform).split()),
            "kind": type(pictures).__name__,
            "dtype": self.dtype,
            "chosen": None if chosen is None else list(chosen),
        }
        settings = {field.name: getattr(pictures, field.name) for field in dataclasses.fields(pictures)}
        known |= {name: value for name, value in settings.items() if name not in {"images", "transform"}}
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:WORDS]


def passes(options: argparse.Namespace, here: Process) -> Passes:
    """As the command line says."""
    return Passes(here, options.out.expanduser(), options.batch_size, options.workers, options.dtype)


def _keep(found: Tensor, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as part, part.open("wb") as file:
        np.save(file, found.numpy().astype(np.int32))
