"""Statistics that claims are made of; each is above 0 where the statement is true."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from .evidence import Evidence, Interval

Statistic = Callable[[Evidence], Interval | None]


def late(curve: np.ndarray) -> float:
    """Mean over the second half of the depths."""
    return float(curve[len(curve) // 2 :].mean())


def early(curve: np.ndarray) -> float:
    """Mean over the first half of the depths."""
    return float(curve[: len(curve) // 2].mean())


def last(curve: np.ndarray) -> float:
    """At the last depth."""
    return float(curve[-1])


def higher_in_cl(metric: str, part: Callable[[np.ndarray], float] = late) -> Statistic:
    """By how much a metric is higher in the contrastive model, over a part of the depths."""
    return _gap(metric, part, sign=1.0)


def higher_in_mim(metric: str, part: Callable[[np.ndarray], float] = late) -> Statistic:
    """By how much it is higher in the masked model."""
    return _gap(metric, part, sign=-1.0)


def rises_more_in_cl(metric: str) -> Statistic:
    """By how much more a metric rises from the first to the second half of the depths in the contrastive model."""

    def statistic(evidence: Evidence) -> Interval:
        cl, mim = (evidence.curves(model, metric) for model in (evidence.cl, evidence.mim))
        return evidence.resampled(lambda a, b: (late(a) - early(a)) - (late(b) - early(b)), cl, mim)

    return statistic


def falls_more_in_cl(metric: str) -> Statistic:
    """By how much more it falls."""

    def statistic(evidence: Evidence) -> Interval:
        risen = rises_more_in_cl(metric)(evidence)
        return risen if risen is None else Interval(-risen.value, -risen.high, -risen.low)

    return statistic


def everywhere_higher_in_mim(metric: str) -> Statistic:
    """The smallest over depths of the masked model's lead: above 0 only where it leads at every depth."""

    def statistic(evidence: Evidence) -> Interval | None:
        cl, mim = (evidence.curves(model, metric) for model in (evidence.cl, evidence.mim))
        return evidence.resampled(lambda a, b: float((b - a).min()), cl, mim) if cl.shape == mim.shape else None

    return statistic


def probe_gain(
    first: tuple[str, str, str], second: tuple[str, str, str], layers: Callable[[pd.DataFrame], tuple[int, int]]
) -> Statistic:
    """Accuracy of the first over the second probe, in points; (cl or mim, head, pooling) each, layers of both."""

    def statistic(evidence: Evidence) -> Interval | None:
        pair = [evidence.accuracy(getattr(evidence, who), head, pooling) for who, head, pooling in (first, second)]
        if pair[0] is None or pair[1] is None:
            return None
        one, other = (rows.loc[layer] for rows, layer in zip(pair, layers(pair[0]), strict=True))
        return _difference(one, other)

    return statistic


def gain_of_choosing(head: str, plain: str) -> Statistic:
    """How much more choosing among patches gains over a plain pooling in the masked than in the contrastive model."""

    def statistic(evidence: Evidence) -> Interval | None:
        gains = []
        for model in (evidence.mim, evidence.cl):
            chosen, usual = evidence.accuracy(model, head, "tokens"), evidence.accuracy(model, "linear", plain)
            if chosen is None or usual is None:
                return None
            gains.append(_difference(chosen.iloc[-1], usual.iloc[-1]))
        mim, cl = gains
        return Interval(mim.value - cl.value, mim.low - cl.high, mim.high - cl.low)

    return statistic


def trained_gap(command: str, metric: str, *, more: str, pooling: str | None = None, last: bool = False) -> Statistic:
    """By how much a result of `python -m probing` is higher in one of the models, in points.

    Args:
        command: which.
        metric: regular expression of its name; of several the last one in both models, such as the highest band.
        more: cl or mim, the one that is higher where the statement is true.
        pooling: that counts; None for any.
        last: of linear probes on the last layer.
    """

    def statistic(evidence: Evidence) -> Interval | None:
        pair = [evidence.results(model, command, metric) for model in (evidence.cl, evidence.mim)]
        if pair[0] is None or pair[1] is None:
            return None
        cl, mim = (_by_metric(rows, pooling, last) for rows in pair)
        common = cl.index.intersection(mim.index)
        if common.empty:
            return None
        one, other = cl.loc[common[-1]], mim.loc[common[-1]]
        return _difference(one, other) if more == "cl" else _difference(other, one)

    return statistic


def _by_metric(rows: pd.DataFrame, pooling: str | None, last: bool) -> pd.DataFrame:
    """One row for each metric, in the order of their names."""
    if pooling is not None:
        rows = rows[rows["pooling"] == pooling]
    if last:
        rows = rows[(rows["head"] == "linear") & (rows["layer"] == rows["layer"].max())]
    return rows.drop_duplicates("metric").set_index("metric").sort_index()


def _gap(metric: str, part: Callable[[np.ndarray], float], sign: float) -> Statistic:
    def statistic(evidence: Evidence) -> Interval:
        cl, mim = (evidence.curves(model, metric) for model in (evidence.cl, evidence.mim))
        return evidence.resampled(lambda a, b: sign * (part(a) - part(b)), cl, mim)

    return statistic


def _difference(one: pd.Series, other: pd.Series) -> Interval:
    """In points. The images' answers are not in the table, so the ends are the widest that both intervals allow."""
    return Interval(
        100 * (one["value"] - other["value"]), 100 * (one["low"] - other["high"]), 100 * (one["high"] - other["low"])
    )
