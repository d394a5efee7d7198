"""The paper's own curves of the weights and images at hand, as facts of an experiment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from study.data import Images

    from ..settings import Settings


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


def _weights(loaded: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """Registry name of each model that has one, by the name that the figure shows."""
    from study.published import weights_of_file

    typed = dict(zip(loaded, settings.models or loaded, strict=True))
    return {name: weights_of_file(model.passport.sha256) or typed[name] for name, model in loaded.items()}


def _note(name: str, curve: Mapping[str, Any]) -> str:
    return (
        f"faint beside {name}: {curve['metric'].replace('_', ' ')}, {curve['source']}; read to ±{curve['tolerance']:g}"
    )
