"""The evidence for claims: one pass of each of two models, and stored results of what was trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from study.long_table import Table, means_of_heads

from ..stored.facts import stored_facts
from ..stored.results import stored
from .evidence import COMMAND, Evidence

if TYPE_CHECKING:
    import torch
    from torch import nn

    from study.data import Images

    from ..settings import Settings

LAYERS = "layers"
COMMANDS = (LAYERS, "finetune", "frequency-noise", "shifted", "shape-bias")
"""Of `python -m probing`, whose results claims are made of."""


def evidence_of(
    loaded: Mapping[str, nn.Module],
    images: Images,
    settings: Settings,
    device: torch.device,
    *,
    probes: pd.DataFrame | None = None,
) -> Evidence:
    """Everything that the claims ask of attention and tokens, per image, in one pass of each model.

    Args:
        loaded: the contrastive and the masked model, by name and in this order; a single one stands for both.
        images: of `open_images`.
        settings: of the run: convention, batch size, precision, seed.
        device: to run on.
        probes: of `stored_results`, or None.
    """
    import ops

    from .. import similarity
    from ..measuring import depth_metrics

    metrics = {
        "distance": partial(ops.attention_distance, convention=settings.convention),
        "nmi": partial(ops.attention_nmi, convention=settings.convention),
        "delta_log_amplitude": depth_metrics.highest_frequency,
        "class": ops.class_attention_statistics,
        **similarity.metrics(settings),
    }
    table, _ = depth_metrics.measured(metrics, loaded, images, settings, device)
    names = list(loaded)
    return Evidence(names[0], names[-1], _of_images(table), probes, settings.seed or 0)


def _of_images(table: Table) -> pd.DataFrame:
    """The means over heads, which are all that claims ask for: a table in pieces need not be held."""
    found = means_of_heads(table).items()
    parts = [wide.stack().rename("value").reset_index().assign(model=model) for model, wide in found]
    return pd.concat(parts, ignore_index=True)


def stored_results(settings: Settings) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """What `python -m probing` found for the models, columns of `probing.table` and the command; and its sources.

    Args:
        settings: with the models, and the folders of results; without folders those that come with the project are
            read, as far as they know the models.
    Raises:
        OSError: a folder that was named has no results.
        ValueError: folders that were named have no probes of a model, or results of other weights than it has.
    """
    found = {command: stored(settings, command, metrics=".*") for command in COMMANDS}
    if settings.probing and found[LAYERS].missing:
        raise ValueError("; ".join(dict.fromkeys(found[LAYERS].missing.values())))
    known = {command: one for command, one in found.items() if not one.rows.empty}
    tables = [one.rows.assign(**{COMMAND: command}) for command, one in known.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(), stored_facts(*known.values())["sources"]
