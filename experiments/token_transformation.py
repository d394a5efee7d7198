"""What self-attention does to the tokens of one image and of two: clouds before and after, and numbers over depth.

Claim: contrastive learning moves all tokens of an image in unison, so that images go apart and each cloud keeps its
form; masked image modelling moves each token differently, within the image.

The paper shows clouds (of important layers, such as the first and the last) and gives no number; on which tokens its
axes were fitted is not known (open point O4 of this project's reading: `--basis`). Here: the stream that enters block l
and the stream after its attention is added (never an index into a list of half steps, O18), without norm, patch tokens;
one centred SVD of each panel's own tokens, three components in the table, two in the figure. The numbers are ours:
ratios of `ops.token_spread`, `ops.common_movement`.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .findings import Findings
from .measuring.models_and_images import chosen_depths, known_facts, placed
from .tokens.clouds import token_clouds, two_images

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import nn

    from study.data import Images
    from study.token_motion import TokenMotion

    from .settings import Settings

NAME = "token-transformation"
DEPTHS = (1, -1)  # the first and the last block
MOST = 512  # images whose centres are held
FITTED = {"joint": "before and after", "before": "before", "after": "after"}


def measure(loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device) -> Findings:
    """Clouds of one image and of two, and changes of all images (at most 512) at all depths.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run; `depths` and `basis` count.
        device: to run on.
    Returns:
        Tables `token-transformation` (mean changes over depth with intervals over images), `spread` (of each image),
        `clouds` and `axes`, as `token_clouds` gives them.
    Raises:
        NotApplicable: a model has no block at a depth asked for.
    """
    from study.data import subset
    from study.measurement import Measurement
    from study.token_motion import joined_motion, motion_part

    from .measuring.leader import measured_by_all

    depths = chosen_depths(settings.depths, loaded, DEPTHS)
    pair, numbers = two_images(images), subset(len(images), MOST, None)
    tables: dict[str, list[Any]] = {NAME: [], "spread": [], "clouds": [], "axes": []}
    leader = measured_by_all(Measurement(motion_part), loaded, images, settings, device, only=numbers)
    for name, model in loaded.items():
        motion = joined_motion(leader.of(name))
        with placed(model, settings, device):
            clouds, axes = token_clouds(model, images, pair, depths[name], settings.basis)
        found = {NAME: _changes(motion, settings), "spread": _spread(motion, numbers), "clouds": clouds, "axes": axes}
        for key, table in found.items():
            tables[key].append(table.assign(model=name)[["model", *table.columns]])
    facts = {
        **known_facts(loaded, images),
        "measured": len(numbers),
        "images_per_second": leader.speeds,
        "depths": depths,
        "basis": settings.basis,
        "shown": {str(number): images.names[number] for number in pair},
        "notes": _notes(loaded, images, pair, numbers, settings),
    }
    return Findings({key: pd.concat(parts, ignore_index=True) for key, parts in tables.items()}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: None; the table has its own intervals.
    """
    from .figures.token_transformation import transformation_figure

    return transformation_figure(findings)


def _changes(motion: TokenMotion, settings: Settings) -> pd.DataFrame:
    """One row for each metric and depth: mean over images and its interval."""
    from study.token_motion import mean_changes

    parts = []
    for metric, values in mean_changes(motion, seed=settings.seed or 0).items():
        value, low, high = values.numpy()
        place = {"metric": metric, "depth": range(1, len(value) + 1), "images": motion.common.shape[-1]}
        parts.append(pd.DataFrame({**place, "value": value, "low": low, "high": high}))
    return pd.concat(parts, ignore_index=True)


def _spread(motion: TokenMotion, numbers: Sequence[int]) -> pd.DataFrame:
    """One row for each depth and image, in units of the tokens; `between` is the distance to the other images."""
    depths, images = motion.common.shape
    between = (motion.between().sum(-1) / (images - 1 or float("nan"))).sqrt()
    columns: dict[str, Any] = {"depth": np.repeat(np.arange(1, depths + 1), images), "image": [*numbers] * depths}
    for name, values in {"within": motion.within, "between": between}.items():
        columns |= {f"{name}_{when}": values[place].flatten() for place, when in enumerate(("before", "after"))}
    return pd.DataFrame({**columns, "common": motion.common.flatten()})


def _notes(
    loaded: Mapping[str, Any], images: Images, pair: Sequence[int], numbers: Sequence[int], settings: Settings
) -> list[str]:
    which = "first of two classes" if images.labels and len(set(images.labels)) > 1 else "first and middle of the list"
    held = max(16 * len(numbers) * len(model.blocks) * model.embed_dim for model in loaded.values()) / 2**20
    notes = [
        f"clouds of {' and '.join(images.names[number] for number in pair)}"
        + (f" ({which})" if len(pair) > 1 else "; for the clouds of two images and `between`, give more images"),
        f"axes: one centred SVD of each panel's tokens {FITTED[settings.basis]} the attention (--basis; the paper's "
        "choice is not known, O4)",
        f"held for distances between images: centres of {len(numbers)} images, {held:.1f} MiB at most for a model",
    ]
    if len(numbers) < len(images):
        notes.append(f"numbers over depth are of {len(numbers)} of {len(images)} images, evenly spaced (bound: {MOST})")
    return notes
