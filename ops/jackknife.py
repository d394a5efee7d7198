"""Interval of a statistic of all images together, which has no value for a single image."""

from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor

from ._precision import full_precision


@full_precision
def jackknife_interval(
    values: Float[Tensor, "*rest"], *, without: Float[Tensor, "group *rest"], level: float = 0.95
) -> tuple[Float[Tensor, "*rest"], Float[Tensor, "*rest"]]:
    """Delete-a-group jackknife interval of a statistic, in its unit, in float64.

        error^2 = (G - 1) / G * sum_g (without[g] - mean_g without)^2
        low, high = values -+ t(level, G - 1) * error

    For statistics that are no mean over images, such as eigenvalues of their covariance: the images fall at random into
    G groups of about the same size, and the statistic is computed without each of them in turn.

    Args:
        values: the statistic of all images.
        without: the statistic without the images of one group, for each group.
        level: probability with which the interval is to cover.
    Returns:
        (low, high), symmetric around the values; equal where no group matters, NaN where a value is NaN.
    Raises:
        ValueError: fewer than two groups, or a level outside (0, 1).
    Source: Shao & Tu 1995, "The Jackknife and Bootstrap", section 2.3; Student's t by Cornish & Fisher's expansion.

    >>> low, high = jackknife_interval(torch.tensor(2.0), without=torch.tensor([1.5, 2.0, 2.5]))  # mean of 1, 2, 3
    >>> [round(float(end), 2) for end in (low, high)]
    [-0.48, 4.48]
    """
    groups = len(without)
    if groups < 2:
        raise ValueError(f"without has {groups} group{'s' * (groups != 1)}; expected at least 2")
    if not 0 < level < 1:
        raise ValueError(f"level={level}; expected a share between 0 and 1, such as 0.95 for 95 %")
    values, without = values.double(), without.double()
    scatter = (without - without.mean(dim=0)).square().sum(dim=0)
    half = student_quantile((1 + level) / 2, groups - 1) * (scatter * ((groups - 1) / groups)).sqrt()
    return values - half, values + half


def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t: exact for 1 and 2 degrees of freedom, else to 0.5 %.

    >>> round(student_quantile(0.975, 19), 3)
    2.093
    """
    if freedom == 1:
        return float(torch.tan(torch.tensor(torch.pi * (probability - 0.5), dtype=torch.float64)))
    if freedom == 2:
        return (2 * probability - 1) / (2 * probability * (1 - probability)) ** 0.5
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))
