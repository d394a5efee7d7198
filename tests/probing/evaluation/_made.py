"""Small folders of pictures, and probes with random weights on the untrained miniature."""

import functools
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models import image_transform, load_model
from probing.features.frozen import Cell
from probing.linear.probes import Probe, Probes

CELLS = (Cell(0, "patches"), Cell(3, "class_token"), Cell(8, "patches"))


def picture(name: str) -> Image.Image:
    """A coarse random picture that its name decides."""
    generator = np.random.default_rng(list(name.encode()))
    small = Image.fromarray(generator.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return small.resize((32, 32), Image.Resampling.BILINEAR)


def folder(root: Path, names: list[str], kind: str = "png") -> Path:
    """A folder of pictures `class/name`."""
    for name in names:
        path = root / f"{name}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(name).save(path)
    return root


def probes(path: Path, classes: tuple[str, ...], *, model: str = "mini-random", seed: int = 0) -> Probes:
    """A file of probes on three cells, whose vectors are standardised so that answers differ between pictures."""
    generator = torch.Generator().manual_seed(seed)
    statistics = [torch.stack(column) for column in zip(*_vectors(model, prepared(list("abcdefghij"))))]
    made = {
        cell: Probe(
            torch.randn(len(classes), 96, generator=generator),
            torch.zeros(len(classes)),
            vectors.mean(dim=0),
            vectors.var(dim=0),
            f"drawn {cell.layer}",
        )
        for cell, vectors in zip(CELLS, statistics)
    }
    found = Probes(model, "none", classes, made)
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save(path)
    return found


def by_hand(made: Probes, images: list[torch.Tensor]) -> torch.Tensor:
    """(image, cell): number of the largest logit."""
    return torch.stack([logits.argmax(dim=-1) for logits in logits_by_hand(made, images)], dim=1)


def logits_by_hand(made: Probes, images: list[torch.Tensor]) -> list[torch.Tensor]:
    """(image, class) of each cell, in float32 without taps and batches."""
    found = []
    for cell, vectors in zip(CELLS, zip(*_vectors(made.model, images))):
        probe = made.probes[cell]
        standard = (torch.stack(vectors) - probe.mean) / (probe.variance + 1e-6) ** 0.5
        found.append(standard @ probe.weight.T)
    return found


@torch.no_grad()
def _vectors(model: str, images: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    """Of each image the vector of each cell, block by block."""
    net, found = _loaded(model), []
    for image in images:
        layers = [net._pos_embed(net.patch_embed(image[None]))]
        for block in net.blocks:
            layers.append(block(layers[-1]))
        found.append(
            [
                layers[cell.layer][0, 0] if cell.pooling == "class_token" else layers[cell.layer][0, 1:].mean(dim=0)
                for cell in CELLS
            ]
        )
    return found


@functools.cache
def _loaded(model: str):
    return load_model(model)


def prepared(names: list[str]) -> list[torch.Tensor]:
    """The pictures as the miniature is fed."""
    transform = image_transform(_loaded("mini-random"))
    return [transform(picture(name)) for name in names]
