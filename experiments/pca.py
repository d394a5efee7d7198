"""What stands out first in the tokens: their first three principal components as red, green and blue.

Claim: none of the two papers; in DINOv2 equal colours follow the parts of objects, from image to image.

Stated, since these pictures are hard to redo otherwise: patch tokens of the residual stream after the block, without
the last norm; the mean of the tokens fitted is subtracted, their scale is left; axes are fitted to all images of a
model together (`--fit image`: to each by itself); each axis points to where its largest loading is positive; each
component runs from its lowest token (0) to its highest (1) of the tokens fitted. With `--foreground above:0.5` (or
below:0.35 ...) axes are fitted again to the tokens whose first component, scaled to 0 ... 1, lies there; the others are
white. Colours of two models cannot be compared.

Source: Oquab et al. 2023 (arXiv:2304.07193), fig. 1, whose threshold is not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from .applicable import NotApplicable
from .findings import Findings
from .measuring.models_and_images import chosen_depths, known_facts, placed
from .tokens.foreground import foreground

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from study.data import Images

    from .settings import Settings

NAME = "pca"
DEPTHS = (-1,)
MOST = 6  # images
COMPONENTS = 3
COLOURS = ["red", "green", "blue"]


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """Components of up to 6 images, evenly spaced over the list, at the depths shown.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run; `depths`, `fit` and `foreground` count.
        device: to run on.
    Returns:
        Tables `pca` (components in units of the tokens, and colours; empty where background) and `variance` (share
        that each component explains; image -1 where all are fitted together); the photographs, once for each field of
        view.
    Raises:
        NotApplicable: a model has no such depth, or too few tokens are foreground.
    """
    from study.data import subset

    depths = chosen_depths(settings.depths, loaded, DEPTHS)
    numbers = subset(len(images), MOST, None)
    pictures, views = _photographs(loaded, images, numbers)
    tables, variances = [], []
    for name, model in loaded.items():
        with placed(model, settings, device):
            for depth in depths[name]:
                table, variance = _components(name, model, images, numbers, depth, settings)
                tables.append(table)
                variances.append(variance)
    facts = {
        **known_facts(loaded, images),
        "depths": depths,
        "fit": settings.fit,
        "foreground": settings.foreground,
        "shown": {str(number): images.names[number] for number in numbers},
        "views": views,
        "notes": _notes(images, numbers, settings),
    }
    joined = {NAME: pd.concat(tables, ignore_index=True), "variance": pd.concat(variances, ignore_index=True)}
    return Findings(joined, pictures, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: None; there are no means.
    """
    from .figures.pca import pca_figure

    return pca_figure(findings)


def _components(
    name: str, model: Any, images: Images, numbers: Sequence[int], depth: int, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row for each token, and the variance that the components explain."""
    import ops
    from models import token_layout
    from study.patch_tokens import patch_tokens

    tokens = patch_tokens(model, images, numbers, depth=depth).double()
    fit: Any = settings.fit
    options: dict[str, Any] = {"fit": fit, "foreground": foreground(settings.foreground)}
    try:
        raw = ops.token_pca(tokens, components=COMPONENTS, **options)
    except ValueError as error:
        if "foreground keeps" not in str(error):
            raise
        raise NotApplicable(f"{name}, depth {depth}: --foreground {settings.foreground}: {error}") from error
    colours = ops.token_pca(tokens, components=COMPONENTS, scaling="unit", **options)
    row, col = np.indices(token_layout(model).grid)
    place = {"row": np.tile(row.ravel(), len(numbers)), "col": np.tile(col.ravel(), len(numbers))}
    table = pd.DataFrame({"image": np.repeat(numbers, tokens.shape[1]), **place})
    table[[f"component_{number}" for number in range(1, COMPONENTS + 1)]] = raw.flatten(0, 1).numpy()
    table[COLOURS] = colours.flatten(0, 1).numpy()
    variance = _variance(tokens, raw, numbers if settings.fit == "image" else None)
    return _of(name, depth, table), _of(name, depth, variance)


def _of(name: str, depth: int, table: Any) -> pd.DataFrame:
    """The table with its model and depth in front."""
    return table.assign(model=name, depth=depth)[["model", "depth", *table.columns]]


def _variance(tokens: Tensor, raw: Tensor, numbers: Sequence[int] | None) -> pd.DataFrame:
    """Shares by component; of each image where each has axes of its own, else of all together (-1)."""
    import ops

    groups = [(-1, tokens, raw)] if numbers is None else list(zip(numbers, tokens, raw, strict=True))
    shares = {image: ops.explained_variance(points, projected=seen).numpy() for image, points, seen in groups}
    kept = {image: float((~seen.isnan().any(dim=-1)).double().mean()) for image, _, seen in groups}
    parts = [
        pd.DataFrame({"component": range(1, COMPONENTS + 1), "share": share}).assign(image=image, kept=kept[image])
        for image, share in shares.items()
    ]
    table: Any = pd.concat(parts, ignore_index=True)
    return table[["image", "component", "share", "kept"]]


def _photographs(
    loaded: Mapping[str, Any], images: Images, numbers: Sequence[int]
) -> tuple[dict[str, Image.Image], dict[str, int]]:
    """The photographs once for each field of view, and which of these is each model's."""
    from study.field_of_view import as_seen, field_of_view

    pictures: dict[str, Image.Image] = {}
    known: dict[Any, int] = {}
    views = {}
    for name, model in loaded.items():
        view = views[name] = known.setdefault(field_of_view(model), len(known))
        for number in numbers:
            key = picture_name(view, number)
            pictures[key] = pictures.get(key) or Image.fromarray(as_seen(images[number], model))
    return pictures, views


def picture_name(view: int, number: int) -> str:
    """What a photograph is called among the pictures."""
    return f"photograph-{view}-{number}"


def _notes(images: Images, numbers: Sequence[int], settings: Settings) -> list[str]:
    which = "all of them" if len(numbers) == len(images) else f"of {len(images)}, evenly spaced"
    together = "of all images shown together" if settings.fit == "joint" else "of each image by itself"
    notes = [
        f"{len(numbers)} images, {which}; axes and mean {together} (--fit), of block outputs without the last norm; "
        "the largest loading of each axis is positive"
    ]
    if settings.foreground:
        notes.append(
            f"foreground: tokens whose first component is {settings.foreground.replace(':', ' ')} of its range; which "
            "side that is depends on model and images: look without --foreground before"
        )
    return notes
