"""What every self-attention of a model does to the tokens of many images: in one pass, as numbers for each image."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models import tap
from ops import common_movement, expanded_tail, resampled_means, token_spread

from .packed import Arrays

WHEN = ("before_attention", "after_attention")


@dataclasses.dataclass(frozen=True)
class TokenMotion:
    """Tokens before and after each self-attention; float64, on the CPU.

    Attributes:
        within: (when depth image), root mean square distance of an image's tokens, `ops.token_spread`.
        centres: (when depth image channel), mean tokens.
        common: (depth image), `ops.common_movement`.
    """

    within: Tensor
    centres: Tensor
    common: Tensor

    def between(self) -> Tensor:
        """(when depth image image): squared distances between the centres."""
        return torch.cdist(self.centres, self.centres, compute_mode="donot_use_mm_for_euclid_dist").square()


def token_motion(model: Any, batches: Iterable[Any]) -> TokenMotion:
    """One pass of a model; what is kept are the centres, 16 bytes for each image, depth and channel.

    Args:
        model: any plain ViT, in eval mode.
        batches: of `study.batches.batches`; how the images are split changes nothing.
    """
    found: dict[tuple[str, int], list[Tensor]] = defaultdict(list)
    entering: dict[int, Tensor] = {}

    def look(layer: int, point: str, stream: Tensor) -> None:
        tokens = stream[:, trace.layout.prefix :].float()
        found[f"within {point}", layer].append(token_spread(tokens)["within"].double().cpu())
        found[f"centres {point}", layer].append(tokens.double().mean(dim=1).cpu())
        if point == WHEN[0]:
            entering[layer] = tokens.clone()
        else:
            found["common", layer].append(common_movement(entering.pop(layer), tokens).double().cpu())

    parameter = next(model.parameters())
    with torch.inference_mode(), tap(model, points=WHEN, on_tokens=look) as trace:
        for pixels, _ in batches:
            model(pixels.to(parameter.device, parameter.dtype))
    layers = sorted({layer for _, layer in found})

    def of(name: str) -> Tensor:
        return torch.stack([torch.cat(found[name, layer]) for layer in layers])

    within, centres = (torch.stack([of(f"{name} {point}") for point in WHEN]) for name in ("within", "centres"))
    return TokenMotion(within, centres, of("common"))


def motion_part(model: Any, batches: Iterable[Any], numbers: np.ndarray) -> Arrays:
    """`token_motion` as arrays; for `study.measurement`."""
    return {name: values.numpy() for name, values in vars(token_motion(model, batches)).items()}


def joined_motion(parts: Iterable[Arrays]) -> TokenMotion:
    """One of all images from those of `motion_part`, in the order of the images."""
    held = list(parts)
    axes = {"within": 2, "centres": 2, "common": 1}  # of the images
    joined = {name: np.concatenate([part[name] for part in held], axis) for name, axis in axes.items()}
    return TokenMotion(**{name: torch.from_numpy(values) for name, values in joined.items()})


def mean_changes(motion: TokenMotion, *, level: float = 0.95, seed: int = 0) -> dict[str, Tensor]:
    """What a self-attention does in the mean over images, with expanded bootstrap intervals over images.

        within  = mean_a (spread of image a's tokens after / before)
        between = mean_a (root mean square distance of a's centre to those of the others after / before)
        common  = mean_a common movement

    Images are drawn with replacement, the same for all three. For `between` the distances are taken anew among those
    drawn, an image being no neighbour of itself: a mean over pairs varies more than its per-image values do.

    Args:
        motion: of `token_motion`.
        level: of the intervals.
        seed: of the draws.
    Returns:
        {name: (3 depth)}: value, low and high. The ends are NaN where there are too few images: below 2, or 3 for
        `between`, which is NaN itself for one image.
    Source: the ratios are those of `study.token_change.spread_change`; Efron & Tibshirani 1993, chapter 6; the ends are
        those of `ops.expanded_tail`.
    """
    images = motion.common.shape[-1]
    between = motion.between()
    whole = torch.full((1, images), 1 / images, dtype=torch.float64)
    draws = resampled_means(torch.eye(images), seed=seed) if images > 1 else whole.new_empty(0, 1)
    ratio = motion.within[1] / motion.within[0]
    found = {}
    for name, least in {"within": 2, "between": 3, "common": 2}.items():
        values = {"within": ratio, "common": motion.common}.get(name)
        means = [
            _pair_ratio(between, shares) if values is None else shares @ values.T.double() for shares in (whole, draws)
        ]
        tail = expanded_tail(images, level=level) if images >= least else None
        found[name] = torch.stack([means[0][0], *_ends(means[1], tail)])
    return found


def _pair_ratio(squares: Tensor, shares: Tensor) -> Tensor:
    """(draw depth): mean ratio of distances to the others, among the images drawn; NaN where they are one and the same.

    The squared distance of an image to itself is 0 and drops out of the sum, its share cancels in the ratio.
    """
    means = []
    for before, after in zip(*squares, strict=True):
        ratios = ((shares @ after) / (shares @ before)).sqrt()
        means.append((shares * ratios.where(shares > 0, 0.0)).sum(dim=1))
    return torch.stack(means, dim=1)


def _ends(means: Tensor, tail: float | None) -> Tensor:
    """(2 depth): quantiles over the draws, with that share beyond each; NaN without one."""
    if tail is None:
        return means.new_full((2, means.shape[1]), torch.nan)
    ends = torch.tensor([tail, 1 - tail], dtype=means.dtype)
    return means.nanquantile(ends, dim=0)
