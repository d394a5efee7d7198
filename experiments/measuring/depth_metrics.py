"""The four metrics over depth that overview and zoo share: measured in one pass of each model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .paper_curves import paper_curves

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from study.data import Images
    from study.long_table import Table

    from ..settings import Settings

METRICS = ("distance", "nmi", "token_similarity", "delta_log_amplitude")
PAPER = {"distance": "distance", "nmi": "nmi", "delta_log_amplitude": "amplitude"}
"""Names of the metrics in `study.published`."""


def depth_metrics(
    loaded: Mapping[str, nn.Module], images: Images, settings: Settings, device: torch.device
) -> tuple[Table, dict[str, Any]]:
    """Per-image values of `METRICS` at each depth, and the facts that a figure says of them.

    Args:
        loaded: models by the names that the figure shows; they are on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    """
    import ops

    metrics = {
        "distance": partial(ops.attention_distance, convention=settings.convention),
        "nmi": partial(ops.attention_nmi, convention=settings.convention),
        "token_similarity": ops.token_similarity,
        "delta_log_amplitude": highest_frequency,
    }
    table, facts = measured(metrics, loaded, images, settings, device)
    paper = paper_curves(PAPER.values(), loaded, images, settings)
    return table, {**facts, **paper, "notes": facts["notes"] + paper["notes"], "metrics": list(METRICS)}


def measured(
    metrics: Mapping[str, Callable[..., Any]],
    loaded: Mapping[str, nn.Module],
    images: Images,
    settings: Settings,
    device: torch.device,
    *,
    logarithmic: Collection[str] = (),
) -> tuple[Table, dict[str, Any]]:
    """Per-image values of metrics in one pass of each model, and the facts that a figure says of them.

    In several processes the first one calls this; the others help, see `experiments.measuring.together`. Where the run
    has a folder the table is in pieces, which are read from its parts; without one it is held in memory.

    Args:
        metrics: as for `models.measure`; functions of a module, where several processes measure.
        loaded: models by the names that the figure shows; they are on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
        logarithmic: metrics that are shown on a logarithmic axis; `--until-precise` takes their scale row by row.
    """
    from .metrics import found
    from .models_and_images import known_facts

    known = found(metrics, loaded, images, settings, device, logarithmic=logarithmic)
    facts = {
        **known_facts(loaded, images),
        "images": known.images,
        "convention": settings.convention,
        "metrics": known.metrics,
        "images_per_second": known.speeds,
        "notes": [] if known.stop is None else [str(known.stop)],
    }
    return known.table, facts if known.stop is None else {**facts, "until_precise": known.stop.facts}


def highest_frequency(tokens: Tensor, *, grid: tuple[int, int]) -> Tensor:
    """Delta log amplitude: the last entry of `ops.relative_log_amplitude`, in nats, one value per image."""
    from ops import relative_log_amplitude

    return relative_log_amplitude(tokens, grid=grid)[..., -1]
