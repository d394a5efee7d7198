"""Trained linear classifiers, one for each layer and pooling, with what they were trained on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from study.atomic import replacing

from ..features.frozen import Cell
from ..presets import Norm

EPSILON = 1e-6
"""Added to the variance of standardised channels, as in the probes of MAE and Beyond [cls]."""

_KIND = "vit-anatomy linear probes"


@dataclasses.dataclass(frozen=True)
class Probe:
    """A linear classifier of one vector.

    Attributes:
        weight: (class channel).
        bias: (class).
        mean, variance: (channel) of the vectors, which are standardised first; None where they are not.
        recipe: how it was trained.
    """

    weight: Float[Tensor, "label channel"]
    bias: Float[Tensor, " label"]
    mean: Float[Tensor, " channel"] | None
    variance: Float[Tensor, " channel"] | None
    recipe: str

    def logits(self, vectors: Float[Tensor, "batch channel"]) -> Float[Tensor, "batch label"]:
        """What the classifier makes of vectors, before any softmax."""
        if self.mean is not None and self.variance is not None:
            vectors = (vectors - self.mean) / (self.variance + EPSILON).sqrt()
        return torch.nn.functional.linear(vectors, self.weight, self.bias)


@dataclasses.dataclass(frozen=True)
class Probes:
    """Classifiers of one frozen model.

    Attributes:
        model: name that `models.load_model` takes.
        norm: whether its last LayerNorm was put on the tokens.
        classes: names of the classes.
        probes: by layer and pooling.
        weights: sha256 of the model's parameters, as `study.provenance` takes it; empty where it is not known.
    """

    model: str
    norm: Norm
    classes: tuple[str, ...]
    probes: Mapping[Cell, Probe] = dataclasses.field(repr=False)
    weights: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Layers and poolings that have a classifier."""
        return tuple(self.probes)

    def recipe(self, cell: Cell) -> str:
        """How the classifier of a cell was trained."""
        return self.probes[cell].recipe

    def logits(self, features: Mapping[Cell, Tensor]) -> dict[Cell, Float[Tensor, "batch label"]]:
        """Of every cell, from vectors as `Frozen` gives them; on the device of the classifiers."""
        return {cell: probe.logits(features[cell].to(probe.weight.device)) for cell, probe in self.probes.items()}

    def save(self, path: Path) -> Path:
        """Write all into a safetensors file, whole or not at all."""
        tensors = {}
        for cell, probe in self.probes.items():
            for part in ("weight", "bias", "mean", "variance"):
                value = getattr(probe, part)
                if value is not None:
                    tensors[f"{cell.layer}.{cell.pooling}.{part}"] = value.detach().cpu().contiguous()
        recipes = [[cell.layer, cell.pooling, probe.recipe] for cell, probe in self.probes.items()]
        known = {"model": self.model, "norm": self.norm, "classes": list(self.classes), "weights": self.weights}
        known["recipes"] = recipes
        with replacing(path) as part:
            save_file(tensors, part, metadata={"kind": _KIND, "probes": json.dumps(known)})
        return path

    @staticmethod
    def load(path: Path) -> Probes:
        """Read what `save` wrote.

        Raises:
            OSError: there is no such file.
            ValueError: it holds no probes.
        """
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("kind") != _KIND:
                raise ValueError(f"{path} holds no linear probes; expected what `python -m probing layers` wrote")
            known = json.loads(metadata["probes"])
            names = set(file.keys())
            probes = {}
            for layer, pooling, recipe in known["recipes"]:
                start = f"{layer}.{pooling}"
                weight, bias, mean, variance = (
                    file.get_tensor(f"{start}.{part}") if f"{start}.{part}" in names else None
                    for part in ("weight", "bias", "mean", "variance")
                )
                probes[Cell(layer, pooling)] = Probe(weight, bias, mean, variance, recipe)
        return Probes(known["model"], known["norm"], tuple(known["classes"]), probes, known["weights"])
