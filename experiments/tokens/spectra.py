"""Singular spectra of tokens and of images at every depth, from one pass; memory does not grow with images."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

import models
import ops
from study.packed import Arrays

from .singular_choices import GROUPS

FEWEST = 5  # groups, however large their covariances
MEMORY = 2**30  # bytes that the covariances of a model may take
WAITING = 512  # images whose mean tokens wait, so that each covariance is updated by many at once
KNOWN = 0.95  # share of images that must have a value of a rank


def group_count(channels: int, depths: int, images: int) -> int:
    """Groups of images for the jackknife: 20, fewer where their covariances would take more than 1 GiB, at least 5.

    >>> group_count(96, 9, 1000), group_count(768, 13, 50000), group_count(1280, 33, 50000), group_count(96, 9, 3)
    (20, 17, 5, 3)
    """
    return min(images, max(FEWEST, min(GROUPS, MEMORY // covariance_bytes(channels, depths))))


def covariance_bytes(channels: int, depths: int) -> int:
    """Memory of the covariances of one group, in bytes of float64."""
    return 8 * channels**2 * depths


def groups_at_random(images: int, groups: int, seed: int) -> Int64[Tensor, " image"]:
    """The group of each image; groups differ by one image at most."""
    shuffled = torch.randperm(images, generator=torch.Generator().manual_seed(seed))
    return shuffled % groups


class DepthSpectra:
    """What is kept of one depth.

    Args:
        group_of: of each image.
        ranks: of the token level, from 1, whose values are kept for each image.
        precision: of the model's numbers (`torch.finfo(dtype).eps`).
    """

    def __init__(self, group_of: Tensor, ranks: Sequence[int], precision: float) -> None:
        self.group_of = group_of
        self.precision = precision
        self.covariances = [ops.Covariance() for _ in range(int(group_of.max()) + 1)]
        self.total = torch.zeros(0, dtype=torch.float64)  # over images, by rank
        self.gain = torch.zeros(0, dtype=torch.float64)  # the same of the difference to depth 0
        self.known = torch.zeros(0, dtype=torch.int64)  # images that have this rank
        self.compared = torch.zeros(0, dtype=torch.int64)  # images that have it at depth 0 too
        self._columns = [rank - 1 for rank in ranks]
        self._kept: list[Tensor] = []
        self._waiting: list[Tensor] = []
        self._seen = 0  # images in the covariances

    def update(
        self, spectra: Float64[Tensor, "image rank"], first: Float64[Tensor, "image rank"], means: Tensor
    ) -> None:
        """Takes in a batch: token-level spectra, those at depth 0, and mean patch tokens."""
        if not len(self.total):
            zeros = torch.zeros_like(spectra[0])
            self.total, self.gain, self.known, self.compared = zeros, zeros, zeros.long(), zeros.long()
        gain = spectra - first
        self.total = self.total + spectra.nan_to_num().sum(0)
        self.gain = self.gain + gain.nan_to_num().sum(0)
        self.known = self.known + spectra.isfinite().sum(0)
        self.compared = self.compared + gain.isfinite().sum(0)
        self._kept.append(spectra[:, self._columns])
        self._waiting.append(means)
        if sum(map(len, self._waiting)) >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Waiting mean tokens go into the covariances of their groups."""
        if not self._waiting:
            return
        rows = torch.cat(self._waiting)
        groups = self.group_of[self._seen : self._seen + len(rows)]
        for group, covariance in enumerate(self.covariances):
            covariance.update(rows[groups == group])
        self._seen += len(rows)
        self._waiting.clear()

    def tokens(self) -> tuple[Float64[Tensor, " rank"], Float64[Tensor, " rank"]]:
        """Mean over images of the logarithms, and of their difference to depth 0; NaN where too few images have one."""
        images = len(self.per_image())
        mean = (self.total / self.known).where(self.known >= KNOWN * images, torch.nan)
        return mean, (self.gain / self.compared).where(self.compared >= KNOWN * images, torch.nan)

    def per_image(self) -> Float64[Tensor, "image kept"]:
        """Token-level values of the kept ranks; NaN where an image does not have one."""
        return torch.cat(self._kept)

    def images(self) -> Float64[Tensor, " rank"]:
        """Image-level spectrum of all images."""
        return self._spectrum(sum_of(self.covariances))

    def images_without_each_group(self) -> Float64[Tensor, "group rank"]:
        """Image-level spectra without the images of one group, for each; short ones end in NaN."""
        spectra = [self._spectrum(part) for part in without_each(self.covariances)]
        longest = max(map(len, spectra))
        return torch.stack([nn.functional.pad(one, (0, longest - len(one)), value=torch.nan) for one in spectra])

    def _spectrum(self, covariance: ops.Covariance) -> Tensor:
        if covariance.count < 2:
            return torch.full((1,), torch.nan, dtype=torch.float64)
        return above_rounding(covariance.spectrum(), samples=covariance.count, precision=self.precision)


def above_rounding(
    spectrum: Float64[Tensor, "*batch rank"], *, samples: int, precision: float, channels: int | None = None
) -> Float64[Tensor, "*batch rank"]:
    """A spectrum with NaN where a value is no more than rounding leaves.

    That is where `ops.singular_spectrum` has its floor, or below the largest times the square of the precision of the
    numbers that it was computed from.

    Args:
        spectrum: of `ops`.
        samples: of its covariance.
        precision: of the samples, as `torch.finfo(dtype).eps`.
        channels: of the samples; by default as many as there are ranks.
    """
    size = max(samples, channels or spectrum.shape[-1])
    double = torch.finfo(torch.float64).eps
    floor = max(math.log(size * double) + 1e-6, 2 * math.log(precision))
    return spectrum.where(spectrum > spectrum[..., :1] + floor, torch.nan)


def sum_of(parts: Iterable[ops.Covariance]) -> ops.Covariance:
    """The covariance of the samples of all parts."""
    return sum(parts, ops.Covariance())


def without_each(parts: Sequence[ops.Covariance]) -> Iterator[ops.Covariance]:
    """The sum of all parts but one, for each; with two sums for each part instead of one for each pair."""
    after = list(accumulate(reversed(parts), initial=ops.Covariance()))[-2::-1]
    before = ops.Covariance()
    for part, rest in zip(parts, after, strict=True):
        yield before + rest
        before = before + part


@torch.inference_mode()
def spectra_part(model: Any, batches: Iterable[tuple[Tensor, Any]], numbers: np.ndarray) -> Arrays:
    """Of the embedding and each block's output, without the last norm, what the spectra of many images are made of.

    Args:
        model: a ViT on its device, in eval mode.
        batches: of images, with anything beside them.
        numbers: of these images in the collection.
    Returns:
        `spectra` (depth image rank), natural logarithms of the token level, float64, NaN where rounding leaves
        nothing; `means` (depth image channel), mean patch tokens in the model's precision, at least float32.
    """
    parameter = next(model.parameters())
    precision = torch.promote_types(parameter.dtype, torch.float32)
    spectra: dict[int, list[Tensor]] = defaultdict(list)
    means: dict[int, list[Tensor]] = defaultdict(list)

    def take(layer: int, point: str, tokens: Tensor) -> None:
        depth = 0 if point == "embedding" else layer + 1
        patches = tokens[:, trace.layout.prefix :]
        samples, channels = patches.shape[1:]
        found = ops.singular_spectrum(patches).cpu()
        epsilon = torch.finfo(parameter.dtype).eps
        spectra[depth].append(above_rounding(found, samples=samples, precision=epsilon, channels=channels))
        means[depth].append(patches.double().mean(dim=1).to(precision).cpu())

    with models.tap(model, points=["embedding", "after_mlp"], on_tokens=take) as trace:
        for images, _ in batches:
            model(images.to(parameter.device, parameter.dtype))
    return {
        name: torch.stack([torch.cat(found[depth]) for depth in sorted(found)]).numpy()
        for name, found in (("spectra", spectra), ("means", means))
    }


def depth_spectra(
    parts: Iterable[Arrays], *, group_of: Tensor, ranks: Sequence[int], precision: float
) -> list[DepthSpectra]:
    """What is shown of each depth, from the parts of `spectra_part` in the order of the images, one at a time.

    Args:
        parts: of all images.
        group_of: group of each image.
        ranks: of the token level that are kept for each image.
        precision: of the model's numbers (`torch.finfo(dtype).eps`).
    """
    depths: list[DepthSpectra] = []
    for part in parts:
        spectra, means = (torch.from_numpy(part[name]) for name in ("spectra", "means"))
        depths = depths or [DepthSpectra(group_of, ranks, precision) for _ in spectra]
        for depth, own, centres in zip(depths, spectra, means, strict=True):
            depth.update(own, spectra[0], centres.double())
    for depth in depths:
        depth.flush()
    return depths
