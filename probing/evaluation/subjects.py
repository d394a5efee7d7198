"""Models whose answers are wanted, with the probes on them or with a classifier of their own."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from models import load_model
from study.loading import loaded_models, needed_heads, shown_names
from study.provenance import weights, weights_hash

from ..features.frozen import Cell, Frozen, chosen_layers
from ..linear.probes import Probes
from .answers import NO_POOLING, Classifier, OwnClassifier, ProbeClassifier

PATTERN = "probes-*.safetensors"


@dataclasses.dataclass(frozen=True)
class Subject:
    """One model with what answers for it.

    Attributes:
        name: in tables and figures.
        model: on the CPU, in eval mode.
        probes: linear classifiers of its cells; None where the model has a classifier of its own.
        oracle: model whose attention the pooling "oracle" uses.
        hashes: of weights and probes.
    """

    name: str
    model: Any
    probes: Probes | None
    oracle: nn.Module | None
    hashes: Mapping[str, str | None]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Layers and poolings that answer; of a model's own classifier its last layer, pooling "-"."""
        return (Cell(len(self.model.blocks), NO_POOLING),) if self.probes is None else self.probes.cells

    @property
    def head(self) -> str:
        """What stands in column `head` of tables."""
        return "classifier" if self.probes is None else "linear"

    def recipe(self, cell: Cell) -> str:
        """How the classifier of a cell was trained, as far as known."""
        return "the model's own classifier" if self.probes is None else self.probes.recipe(cell)

    def classes(self, images: Sequence[str]) -> tuple[str, ...]:
        """Names of the classes, by the number that is answered.

        Args:
            images: classes of the images, in the order of their numbers, for a classifier of the model, which has no
                names: its class n is taken for the images' class n.
        Raises:
            ValueError: the model answers with another number of classes.
        """
        if self.probes is not None:
            return self.probes.classes
        if self.model.num_classes != len(images):
            raise self.misfit(f"{len(images)}: {', '.join(images[:5])}{' ...' if len(images) > 5 else ''}")
        return tuple(images)

    def misfit(self, images: str) -> ValueError:
        """The error for a classifier of the model that has other classes than the images.

        Args:
            images: their classes, in words.
        """
        return ValueError(
            f"{self.name} answers with {self.model.num_classes} classes (0: it has no classifier); the images have "
            f"{images}. Train probes on these classes (`python -m probing layers`) and give --probes"
        )

    def classifier(self, scores: Callable[[Tensor], Tensor] = lambda logits: logits) -> Classifier:
        """What answers, from the model as it now is: on its device, in its precision.

        Args:
            scores: from logits over its classes to scores, of which the largest decides.
        """
        if self.probes is None:
            return OwnClassifier(self.model, scores)
        frozen = Frozen(self.model, self.cells, norm=self.probes.norm, oracle=self.oracle)
        return ProbeClassifier(frozen, self.probes, scores)

    def origin(self) -> dict[str, Any]:
        """Of weights and probes, for the manifest."""
        known = {"weights": weights(self.model), **self.hashes}
        if self.probes is None:
            return known
        return {**known, "norm": self.probes.norm, "classes": len(self.probes.classes)}


def opened_subjects(options: argparse.Namespace) -> list[Subject]:
    """The models of `--probes` or `--model`, with the layers of `--layers`.

    Raises:
        OSError: a folder holds no probes, or a model cannot be had.
        ValueError: probes, layers or models that do not fit.
    """
    oracle = None if options.oracle is None else load_model(options.oracle)
    if options.model is not None:
        if options.layers != ["all"]:
            raise ValueError("--layers chooses among probes; a model's own classifier stands behind its last layer")
        loaded = loaded_models(options.model, options.num_heads)
        return [Subject(name, model, None, None, _hashes(model, None)) for name, model in loaded.items()]
    paths = [path for where in options.probes for path in probe_files(Path(where).expanduser())]
    opened = [Probes.load(path) for path in paths]
    names = [probes.model for probes in opened]
    _check_once(paths, names)
    heads = needed_heads(names, options.num_heads)
    return [
        _subject(name, path, probes, load_model(probes.model, num_heads=heads[probes.model]), oracle, options.layers)
        for name, path, probes in zip(shown_names(names), paths, opened, strict=True)
    ]


def probe_files(where: Path) -> list[Path]:
    """Files of probes in a folder, sorted; or the file itself.

    Raises:
        OSError: there are none.
    """
    found = [where] if where.is_file() else sorted(where.glob(PATTERN))
    if not found:
        raise OSError(
            f"{where} holds no {PATTERN}: train probes with `python -m probing layers --model NAME --data PATH "
            f"--out {where}`, or give a folder that has some"
        )
    return found


def _subject(
    name: str, path: Path, probes: Probes, model: Any, oracle: nn.Module | None, asked: Sequence[str]
) -> Subject:
    if probes.weights and probes.weights != weights_hash(model):
        raise ValueError(
            f"{path} was trained on other weights than {probes.model} has now: train the probes again with "
            "`python -m probing layers`"
        )
    layers = chosen_layers(asked, len(model.blocks))
    chosen = {cell: probe for cell, probe in probes.probes.items() if cell.layer in layers}
    if not chosen:
        there = ", ".join(map(str, sorted({cell.layer for cell in probes.cells})))
        raise ValueError(f"--layers {' '.join(asked)}: {path} has probes of layers {there}")
    kept = dataclasses.replace(probes, probes=chosen)
    subject = Subject(name, model, kept, oracle, {**_hashes(model, path), "oracle": oracle and weights_hash(oracle)})
    subject.classifier()  # for its complaints, before anything is passed
    return subject


def _hashes(model: nn.Module, probes: Path | None) -> dict[str, str | None]:
    digest = None if probes is None else hashlib.sha256(probes.read_bytes()).hexdigest()
    return {"parameters_sha256": weights_hash(model), "probes_sha256": digest}


def _check_once(paths: Sequence[Path], names: Sequence[str]) -> None:
    for name in names:
        files = [str(path) for path, own in zip(paths, names, strict=True) if own == name]
        if len(files) > 1:
            raise ValueError(f"{', '.join(files)} are all of {name}; give one of them, so that tables tell them apart")
