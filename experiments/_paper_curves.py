"""The paper's own curves beside ours: found when measuring, drawn from the facts alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from study.plots import plots

if TYPE_CHECKING:
    from torch import nn

    from study.data import Images

    from .settings import Settings


def paper_curves(
    metrics: Iterable[str], loaded: Mapping[str, nn.Module], images: Images, settings: Settings
) -> dict[str, Any]:
    """The paper's curves of these weights on these images, as facts of an experiment.

    A model counts as published where the user named it so, or where its file has the published hash; a curve of
    another convention than the run's is left out.

    Args:
        metrics: as `study.published` names them.
        loaded: models by the names that the figure shows, in the order of `settings.models`.
        images: of `open_images`.
        settings: of the run.
    Returns:
        `published`: {metric: {model: fields of `study.published.Published`}}, and `notes`: a sentence for each curve,
        with its source and tolerance; both empty where nothing is known.
    """
    from study.published import published

    found: dict[str, dict[str, Any]] = {}
    for metric in metrics:
        for name, weights in _weights(loaded, settings).items():
            curve = published(metric, weights, images)
            if curve is not None and curve.convention in {"", settings.convention}:
                found.setdefault(metric, {})[name] = dataclasses.asdict(curve)
    return {"published": found, "notes": [_note(name, one) for known in found.values() for name, one in known.items()]}


def draw_paper_curve(facts: Mapping[str, Any], metric: str, model: str, *, ax: Axes) -> None:
    """The paper's curve, wide and faint in the model's colour, named in the legend; nothing where there is none.

    Args:
        facts: of the findings, with those of `paper_curves`.
        metric: as `study.published` names it.
        model: as the figure shows it.
        ax: where to draw.
    """
    known = facts.get("published", {}).get(metric, {}).get(model)
    if known is not None:
        plots().paper_curve(known["positions"], known["values"], known["label"], model=model, ax=ax)


def paper_remark(facts: Mapping[str, Any]) -> str:
    """A sentence for the line below a figure: what is drawn faintly, and how well it was read; empty without any."""
    metrics = facts.get("published", {})
    read = [f"{metric.replace('_', ' ')} ±{tolerance:g}" for metric, tolerance in _tolerances(metrics)]
    return f"Wide and faint: the paper's own curves, read off to {', '.join(read)}." if read else ""


def _weights(loaded: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """Registry name of each model that has one, by the name that the figure shows."""
    from study.published import weights_of_file

    typed = dict(zip(loaded, settings.models or loaded, strict=True))
    return {name: weights_of_file(model.passport.sha256) or typed[name] for name, model in loaded.items()}


def _tolerances(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(metric, max(curve["tolerance"] for curve in known.values())) for metric, known in metrics.items()]


def _note(name: str, curve: Mapping[str, Any]) -> str:
    return (
        f"faint beside {name}: {curve['metric'].replace('_', ' ')}, {curve['source']}; read to ±{curve['tolerance']:g}"
    )
