"""One statement, its statistic and its answer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

from .evidence import Evidence
from .interval import Interval

Answer = Literal["holds", "does not hold", "undecided", "no data"]
PARK = "Park et al. 2023 (arXiv:2305.00729)"
BEYOND = "Przewiezlikowski et al. 2025 (arXiv:2412.03215)"


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement of a paper about a contrastive and a masked model.

    Attributes:
        name: short, for tables and scripts.
        statement: in words.
        inequality: what must be above 0, as it is computed here.
        source: paper and figure.
        statistic: from the evidence to that number with its interval; None where the evidence has no such data.
    """

    name: str
    statement: str
    inequality: str
    source: str
    statistic: Callable[[Evidence], Interval | None]


@dataclasses.dataclass(frozen=True)
class Judged:
    """A claim with what came out.

    Attributes:
        claim: the statement.
        value, low, high: of the statistic, with its 95 % interval; NaN without data.
        answer: holds where the interval lies above 0, does not hold where it lies at 0 or below, else undecided.
    """

    claim: Claim
    value: float
    low: float
    high: float
    answer: Answer


def judged(claim: Claim, evidence: Evidence) -> Judged:
    """The claim's answer for the models of the evidence."""
    found = claim.statistic(evidence)
    if found is None:
        return Judged(claim, math.nan, math.nan, math.nan, "no data")
    return Judged(claim, found.value, found.low, found.high, _answer(found))


def _answer(found: Interval) -> Answer:
    if not all(math.isfinite(number) for number in (found.value, found.low, found.high)):
        return "undecided"
    if found.low > 0:
        return "holds"
    return "does not hold" if found.high <= 0 else "undecided"
