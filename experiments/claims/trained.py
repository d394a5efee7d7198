"""Statistics of what was trained on the models, in points; each is above 0 where the statement is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pandas as pd

from ..stored.panels_of_heads import ORDER, pooled
from .evidence import Evidence
from .interval import POINTS, Interval, points_between
from .statistics import Statistic, Who

Probe = tuple[Who, str, str]
"""Whose, head, pooling."""
Layer = Callable[[pd.DataFrame], int]
"""From accuracies by layer to one of the layers."""
SMALL, LARGE = 30e6, 80e6  # parameters: ViT-S has 22 million, ViT-B 86


def last_layer(rows: pd.DataFrame) -> int:
    """The last one."""
    return rows.index[-1]


def best_inside(rows: pd.DataFrame) -> int:
    """The best one before the last."""
    return rows["value"].iloc[:-1].idxmax()


def first_quarter(rows: pd.DataFrame) -> int:
    """That after a quarter of them."""
    return rows.index[len(rows) // 4]


def probe_gain(first: tuple[Probe, Layer], second: tuple[Probe, Layer]) -> Statistic:
    """Accuracy of the first over the second probe, each on a layer chosen among its own."""

    def statistic(evidence: Evidence) -> Interval | None:
        pair = []
        for (who, head, pooling), layer in (first, second):
            rows = evidence.accuracy(getattr(evidence, who), head, pooling)
            if rows is None or len(rows) < 2:
                return None
            pair.append(rows.loc[layer(rows)])
        return points_between(*pair)

    return statistic


def best_probe_gap() -> Statistic:
    """Accuracy of the contrastive model's best linear probe over the masked one's, of any layer and pooling.

    The best ones are chosen on the very images.
    """

    def statistic(evidence: Evidence) -> Interval | None:
        pair = []
        for model in (evidence.cl, evidence.mim):
            known = [evidence.accuracy(model, "linear", pooling) for pooling in ("patches", "class_token")]
            rows = [one for one in known if one is not None]
            if not rows:
                return None
            pair.append(pd.concat(rows).sort_values("value").iloc[-1])
        return points_between(*pair)

    return statistic


def gain_of_choosing() -> Statistic:
    """How much more AbMILP gains over a probe on the class token in the masked than in the contrastive model.

    Results of `probing aggregate` are taken before those of the last layer in `probing layers`, as its figure does.
    """

    def statistic(evidence: Evidence) -> Interval | None:
        gains = [_gain_of_choosing(evidence, model) for model in (evidence.mim, evidence.cl)]
        if gains[0] is None or gains[1] is None:
            return None
        mim, cl = (dict(zip(("value", "low", "high"), (end / POINTS for end in gain), strict=True)) for gain in gains)
        return points_between(mim, cl)

    return statistic


def trained_gap(command: str, metric: str, *, more: Who) -> Statistic:
    """By how much a result of `python -m probing` is higher in one of the models.

    Of several classifiers the first that both models have counts: a linear probe on the mean of patches, on the class
    token, the model's own; each on the last layer.

    Args:
        command: which.
        metric: regular expression of its name; of several the last one in both models, such as the highest band.
        more: cl or mim, the one that is higher where the statement is true.
    """

    def statistic(evidence: Evidence) -> Interval | None:
        pair = [evidence.results(model, command, metric) for model in (evidence.cl, evidence.mim)]
        if pair[0] is None or pair[1] is None:
            return None
        for head, pooling in ORDER:
            cl, mim = (_of_classifier(pooled(rows), head, pooling) for rows in pair)
            common = cl.index.intersection(mim.index)
            if not common.empty:
                one, other = cl.loc[common[-1]], mim.loc[common[-1]]
                return points_between(one, other) if more == "cl" else points_between(other, one)
        return None

    return statistic


def fine_tuned_gap(*, more: Who, size: Literal["small", "large"]) -> Statistic:
    """By how much one model is better when fine-tuned; of two small models, or of two large ones.

    Args:
        more: cl or mim, the one that is better where the statement is true.
        size: small, up to ViT-S; large, from ViT-B on.
    """

    def statistic(evidence: Evidence) -> Interval | None:
        sizes = [evidence.parameters.get(model, 0) for model in (evidence.cl, evidence.mim)]
        fits = max(sizes) <= SMALL if size == "small" else min(sizes) >= LARGE
        pair = [evidence.results(model, "finetune", "accuracy") for model in (evidence.cl, evidence.mim)]
        if pair[0] is None or pair[1] is None or not fits:
            return None
        cl, mim = (rows.iloc[-1] for rows in pair)
        return points_between(cl, mim) if more == "cl" else points_between(mim, cl)

    return statistic


def _gain_of_choosing(evidence: Evidence, model: str) -> Interval | None:
    for command in ("aggregate", "layers"):
        rows = evidence.results(model, command, "accuracy")
        if rows is None:
            continue
        rows = rows[rows["layer"] == rows["layer"].max()]
        chosen, plain = _of_classifier(rows, "abmilp", "tokens"), _of_classifier(rows, "linear", "class_token")
        if not chosen.empty and not plain.empty:
            return points_between(chosen.iloc[0], plain.iloc[0])
    return None


def _of_classifier(rows: pd.DataFrame, head: str, pooling: str) -> pd.DataFrame:
    """Rows of one classifier by metric, in the order of their names."""
    return rows[(rows["head"] == head) & (rows["pooling"] == pooling)].set_index("metric").sort_index()
