"""Whether tokens gather by image: t-SNE of the tokens of a few images, and of which image each token's nearest is.

Claim: tokens of contrastive learning form one cluster for each image; those of masked image modelling are intermingled.

The paper shows one picture of 18 images of three classes and gives no number; its depth is not known (the official
notebook's index 10 is the output of block 5, not 10; here depths count blocks, O18, by default the last). Settings of
the notebook: 2-D, perplexity 20, automatic learning rate, random start, 1000 iterations; the seed is ours. The numbers
are ours, and of the representation itself, not of the plane: `ops.nearest_image`. They depend on how many tokens an
image has, by chance and because neighbours of a finer grid lie closer, so only models of as many tokens are subtracted.

Source: Park et al. 2023 (arXiv:2305.00729), fig. E.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from .applicable import NotApplicable
from .findings import Findings
from .measuring.differences import DIFFERENCES, paired_differences
from .measuring.models_and_images import chosen_depths, known_facts, placed
from .tokens.purity import mean_purity, purity

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from study.data import Images

    from .settings import Settings

NAME = "token-tsne"
DEPTHS = (-1,)
CLASSES, EACH = 3, 6
MOST = 8192  # tokens held of a model
LEAST = 2  # images


class Shown(NamedTuple):
    """The images shown: their numbers, the colour of each, what the legend calls the colours."""

    numbers: list[int]
    kinds: list[int]
    names: list[str]


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """t-SNE at the depths shown, and purity at all depths, of up to 18 images.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`; 6 of each of the first three classes are shown, without classes the first 6.
        settings: of the run; `depths`, `perplexity` and `seed` count.
        device: to run on; t-SNE runs on the CPU.
    Returns:
        Tables `token-tsne` (coordinates), `purity` (of each image), `purity_mean` (with intervals over images) and
        `differences` (of each model from the first one, paired image by image; without models of another number of
        tokens, which a note names).
    Raises:
        NotApplicable: a single image, as few tokens as neighbours, or a model without a depth asked for.
    """
    depths = chosen_depths(settings.depths, loaded, DEPTHS)
    shown, notes = _shown(loaded, images, settings)
    tables: dict[str, list[Any]] = {NAME: [], "purity": [], "purity_mean": []}
    for name, model in loaded.items():
        with placed(model, settings, device):
            kept, pure = _tokens_and_purity(model, images, shown, depths[name])
        points = [_points(tokens, depth, shown, settings) for depth, tokens in kept.items()]
        found = {NAME: pd.concat(points), "purity": pure, "purity_mean": mean_purity(pure, seed=settings.seed or 0)}
        for key, table in found.items():
            tables[key].append(table.assign(model=name)[["model", *table.columns]])
    facts = {
        **known_facts(loaded, images),
        "depths": depths,
        "perplexity": settings.perplexity,
        "seed": settings.seed or 0,
        "classes": shown.names,
        "classes_are_images": len(shown.names) == len(shown.numbers),
        "shown": {str(number): images.names[number] for number in shown.numbers},
        "notes": notes,
    }
    joined: dict[str, Any] = {key: pd.concat(parts, ignore_index=True) for key, parts in tables.items()}
    alike, lacking = _as_many_tokens(facts["layouts"])
    facts["notes"] += lacking
    plain = joined["purity"].assign(convention="", component=-1)
    differences = paired_differences(plain[plain["model"].isin(alike)], seed=settings.seed or 0)
    return Findings({**joined, DIFFERENCES: differences}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: None; the table of purities has its own intervals.
    """
    from .figures.token_tsne import tsne_figure

    return tsne_figure(findings)


def _shown(loaded: Mapping[str, Any], images: Images, settings: Settings) -> tuple[Shown, list[str]]:
    """The images, as many as the bound allows the model of most tokens, and what the user must know of it."""
    from study.workbench import images_of_classes

    labelled = images.labels is not None and len(set(images.labels)) > 1
    asked = images_of_classes(images, classes=CLASSES, each=EACH) if labelled else _alone(images, EACH)
    tokens = _token_counts(known_facts(loaded, images)["layouts"])
    room = max(MOST // max(tokens.values()), LEAST)
    chosen = asked
    if room < len(asked[0]):
        each = max(room // len(asked[2]), 1)
        chosen = images_of_classes(images, classes=min(CLASSES, room), each=each) if labelled else _alone(images, room)
    shown = Shown(*chosen)
    if len(shown.numbers) < LEAST:
        raise NotApplicable(f"{NAME} compares tokens of several images, and {images.where} gives 1: give more images")
    fewest = min(tokens.values()) * len(shown.numbers)
    if fewest <= settings.perplexity:
        raise NotApplicable(
            f"--perplexity {settings.perplexity:g} needs more tokens than that, and {len(shown.numbers)} images have "
            f"{fewest} in the smallest model: give more images or a smaller --perplexity"
        )
    return shown, _notes(loaded, tokens, shown, len(asked[0]))


def _token_counts(layouts: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(np.prod(layout["grid"])) for name, layout in layouts.items()}


def _as_many_tokens(layouts: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Models with as many patch tokens as the first one, itself included, and a note on the others."""
    tokens = _token_counts(layouts)
    first = next(iter(tokens))
    alike = [name for name, count in tokens.items() if count == tokens[first]]
    others = ", ".join(f"{name} ({count})" for name, count in tokens.items() if name not in alike)
    note = f"differences leave out {others}: {first} has {tokens[first]} tokens in an image, and shares depend on that"
    return alike, [note] if others else []


def _alone(images: Images, most: int) -> tuple[list[int], list[int], list[str]]:
    """The first images, each a colour of its own."""
    numbers = list(range(min(most, len(images))))
    return numbers, numbers, [images.names[number] for number in numbers]


def _notes(loaded: Mapping[str, Any], tokens: Mapping[str, int], shown: Shown, asked: int) -> list[str]:
    count = len(shown.numbers)
    held = [
        f"{name} {count * tokens[name]} tokens x {model.embed_dim} channels, "
        f"{4 * count * tokens[name] * model.embed_dim / 2**20:.1f} MiB"
        for name, model in loaded.items()
    ]
    notes = [f"tokens held of one depth at a time (bound: {MOST} tokens): {'; '.join(held)}"]
    if count < asked:
        notes.append(
            f"{count} images instead of {asked}: {max(tokens.values())} tokens each, and at most {MOST} are held"
        )
    return notes


def _tokens_and_purity(
    model: Any, images: Images, shown: Shown, depths: Sequence[int]
) -> tuple[dict[int, Tensor], pd.DataFrame]:
    """Tokens at the depths shown, and the purity of each image at all depths; 0 is the embedding."""
    import torch

    from models import image_transform, tap

    kept: dict[int, Tensor] = {}
    rows: list[Any] = []

    def look(layer: int, point: str, stream: Tensor) -> None:
        depth = 0 if point == "embedding" else layer + 1
        tokens = stream[:, trace.layout.prefix :].float()
        rows.append(purity(tokens, shown.numbers, shown.kinds).assign(depth=depth))
        if depth in depths:
            kept[depth] = tokens.cpu().clone()

    parameter, transform = next(model.parameters()), image_transform(model)
    pixels = torch.stack([transform(images[number]) for number in shown.numbers])
    with torch.inference_mode(), tap(model, points=["embedding", "after_mlp"], on_tokens=look) as trace:
        model(pixels.to(parameter.device, parameter.dtype))
    table: Any = pd.concat(rows, ignore_index=True)
    return kept, table[["depth", "image", "metric", "value", "chance"]]


def _points(tokens: Tensor, depth: int, shown: Shown, settings: Settings) -> pd.DataFrame:
    """Coordinates of all tokens at one depth, with the image and the class of each."""
    import ops

    plane = ops.token_tsne(tokens, perplexity=settings.perplexity, seed=settings.seed or 0).double()
    images, count, _ = plane.shape
    columns = {
        "image": np.repeat(shown.numbers, count),
        "token": np.tile(np.arange(count), images),
        "label": np.repeat(shown.kinds, count),
    }
    x, y = plane.flatten(0, 1).T.numpy()
    return pd.DataFrame({"depth": depth, **columns, "x": x, "y": y})
