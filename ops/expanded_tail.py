"""How much of a bootstrap lies beyond each end of an interval, so that intervals of few images are wide enough."""

import torch

from .jackknife import student_quantile


def expanded_tail(samples: int, *, level: float = 0.95) -> float:
    """Share of resampled statistics below the low end of an interval, and above its high end.

        tail = Phi(-sqrt(n / (n - 1)) * t((1 + level) / 2, n - 1)),    Phi the normal distribution function

    The plain percentile interval leaves (1 - level) / 2 on each side and is too narrow for few samples: means of drawn
    samples scatter by the deviation with divisor n, and normally where Student's t would be due. Both are made good.

    Args:
        samples: how many there are to draw from, n.
        level: probability with which the interval is to cover.
    Returns:
        Below (1 - level) / 2, which it nears with many samples: for 95 % 0.0024 of 6, 0.0144 of 17, 0.0242 of 250
        samples; of 2 the ends are the smallest and the largest resample.
    Raises:
        ValueError: fewer than two samples, or a level outside (0, 1).
    Source: Hesterberg 2015 (arXiv:1411.5279), the expanded percentile interval; t by `ops.jackknife.student_quantile`.

    >>> round(expanded_tail(6), 4), round(expanded_tail(10**6), 4)
    (0.0024, 0.025)
    """
    if samples < 2:
        raise ValueError(f"samples={samples}; expected at least 2, fewer have no interval")
    if not 0 < level < 1:
        raise ValueError(f"level={level}; expected a share between 0 and 1, such as 0.95 for 95 %")
    deviations = (samples / (samples - 1)) ** 0.5 * student_quantile((1 + level) / 2, samples - 1)
    return torch.special.ndtr(torch.tensor(-deviations, dtype=torch.float64)).item()
