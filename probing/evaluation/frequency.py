"""How much accuracy noise in one band of frequencies after another takes from probes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command's --help must not wait for torch
    from jaxtyping import Bool
    from torch import Tensor

FREQUENCIES = tuple(step / 10 for step in range(1, 10))
"""Centres of the bands in units of pi, as in the sources' figures."""

WIDTH = 0.1
"""Full width of a band in units of pi, so that the bands tile."""

EPSILON = 0.7
"""Size of the noise before it is filtered, in units of normalised images: the value of an example by the author of the
method. The paper's own is not known."""

STEPS = 10  # of the bisection
TOLERANCE = 0.005  # half a point
EVEN = 0.75  # narrowest band over widest, above which they count as equal


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How the size of the noise was found.

    Attributes:
        epsilon: the size.
        drop: the worst drop of accuracy that it makes, as a share.
        tried: (epsilon, worst drop) of every step.
    """

    epsilon: float
    drop: float
    tried: tuple[tuple[float, float], ...]


def band_name(frequency: float) -> str:
    """How a band stands in names of metrics.

    >>> band_name(0.30000000000000004)
    '0.3pi'
    """
    return f"{frequency:g}pi"


def bins_of(frequency: float, width: float, pixels: int) -> int:
    """Width of a band in frequency bins of images of so many pixels a side, as `ops.frequency_noise` rounds it.

    >>> [bins_of(frequency, 0.1, 32) for frequency in (0.1, 0.2, 0.3)]
    [2, 2, 1]
    """
    edges = (int(round((frequency + side * width / 2) * pixels / 2, 9)) for side in (-1, 1))
    inner, outer = (min(max(edge, 0), (pixels + 1) // 2) for edge in edges)
    return outer - inner


def uneven_bands(frequencies: Sequence[float], width: float, pixels: int) -> str | None:
    """What to say where bins are so coarse that bands differ much in width, and so in noise; None where they do not."""
    bins = [bins_of(frequency, width, pixels) for frequency in frequencies]
    if min(bins) > EVEN * max(bins):
        return None
    step = 4 / pixels
    return (
        f"images of {pixels} pixels have so coarse frequencies that the bands are {min(bins)} to {max(bins)} bins wide "
        f"and get unequal noise: take --width {step:g} and --frequencies of whole multiples of {step:g}"
    )


def worst_drop(clean: Bool[Tensor, " image"], noisy: Sequence[Bool[Tensor, " image"]]) -> float:
    """Largest loss of accuracy over the bands, as a share: below 0 where every noise helps.

    Args:
        clean: which answers are right without noise.
        noisy: which are right with noise in each band, on the same images.

    >>> import torch
    >>> worst_drop(torch.tensor([True, True]), [torch.tensor([True, True]), torch.tensor([False, True])])
    0.5
    """
    return max((clean.double() - right.double()).mean().item() for right in noisy)


def calibrated(
    drop_at: Callable[[float], float], target: float, *, low: float = 1 / 64, high: float = 64.0
) -> Calibration:
    """The size of the noise at which the worst drop is about the target, by bisection of its logarithm.

    It ends within half a point of the target or after 10 steps; of all sizes tried the nearest is taken. The noise of
    an image is the same at every step but for its size.

    Args:
        drop_at: from epsilon to the worst drop of accuracy, as a share.
        target: drop that is looked for, as a share.
        low: where the drop is expected to be smaller.
        high: where it is expected to be larger.
    Raises:
        ValueError: a target outside 0 ... 1, or one that even the largest noise does not reach.
    """
    if not 0 < target < 1:
        raise ValueError(f"drop of {100 * target:g} points; expected between 0 and 100, such as 15")
    tried = [(high, drop_at(high))]
    if tried[0][1] < target - TOLERANCE:
        raise ValueError(
            f"noise of epsilon {high:g} takes {100 * tried[0][1]:.1f} points at most, {100 * target:g} were asked for: "
            "the probe knows too little to lose so much; calibrate on a better one, or with fewer points"
        )
    for _ in range(STEPS):
        middle = float(f"{(low * high) ** 0.5:.3g}")  # short enough to be typed again
        tried.append((middle, drop_at(middle)))
        if abs(tried[-1][1] - target) <= TOLERANCE:
            break
        low, high = (middle, high) if tried[-1][1] < target else (low, middle)
    epsilon, drop = min(tried, key=lambda step: abs(step[1] - target))
    return Calibration(epsilon, drop, tuple(tried))
