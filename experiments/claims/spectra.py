"""Singular values of tokens and of images that claims are made of; each statistic is above 0 where they are true."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

import ops

from ..tokens.spectra import KNOWN, DepthSpectra
from .evidence import Evidence
from .interval import LEVEL, Interval
from .statistics import Statistic, Who

KEPT = 0  # place of the rank that counts among those kept of each image


@dataclasses.dataclass(frozen=True)
class Spectra:
    """What one pass of each model kept of its depths, with the same groups of images for all.

    Attributes:
        depths: of each model, the embedding first.
        ranks: from 1, by level (tokens, images); a level that there are too few images for is not in it.
    """

    depths: Mapping[str, Sequence[DepthSpectra]]
    ranks: Mapping[str, int]


def tokens_widen_in_mim_alone() -> Statistic:
    """What is smaller: the rise of the tokens' log singular value in the masked model, or its lead in rising."""
    return _tokens("mim", "cl", sign=1)


def tokens_narrow_in_cl_alone() -> Statistic:
    """What is smaller: its fall in the contrastive model, or its lead in falling."""
    return _tokens("cl", "mim", sign=-1)


def images_widen_in_cl_alone() -> Statistic:
    """What is smaller: the rise of the log singular value over images in CL, or its lead over that in MIM."""

    def statistic(evidence: Evidence) -> Interval | None:
        found = evidence.spectra
        if found is None or "images" not in found.ranks:
            return None
        cl, mim = (_rise(found, model) for model in (evidence.cl, evidence.mim))
        whole, without = (torch.stack([one, one - other], dim=-1) for one, other in zip(cl, mim, strict=True))
        if not whole.isfinite().all() or not without.isfinite().all():
            return None
        low, _ = ops.jackknife_interval(whole, without=without, level=LEVEL)
        _, high = ops.jackknife_interval(whole, without=without, level=1 - (1 - LEVEL) / 2)
        return Interval(float(whole.min()), float(low.min()), float(high.min()))

    return statistic


def _tokens(who: Who, other: Who, sign: int) -> Statistic:
    """From the embedding to the last block, at one rank."""

    def statistic(evidence: Evidence) -> Interval | None:
        if evidence.spectra is None:
            return None
        gains = []
        for model in (getattr(evidence, who), getattr(evidence, other)):
            first, *_, last = evidence.spectra.depths[model]
            gains.append(sign * (last.per_image() - first.per_image())[:, KEPT].numpy())
        both = np.stack([gains[0], gains[0] - gains[1]], axis=1)
        known = np.isfinite(both).all(axis=1)
        if known.mean() < KNOWN:
            return None
        return evidence.smallest(lambda mean: mean, both[known])

    return statistic


def _rise(found: Spectra, model: str) -> tuple[Tensor, Tensor]:
    """From the embedding to the last block: of all images, and without each group of them."""
    first, *_, last = found.depths[model]
    place = found.ranks["images"] - 1
    whole = _at(last.images(), place) - _at(first.images(), place)
    without = [_at(depth.images_without_each_group(), place) for depth in (first, last)]
    return whole, without[1] - without[0]


def _at(spectra: Tensor, place: int) -> Tensor:
    """Values of one rank; NaN where the spectra are shorter."""
    return spectra[..., place] if spectra.shape[-1] > place else spectra.new_full(spectra.shape[:-1], torch.nan)
