"""The evidence for claims: what two models do on the same images, and stored results of what was trained on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from study.long_table import Table, means_of_heads

from ..stored.facts import stored_facts
from ..stored.results import stored
from .evidence import COMMAND, Evidence
from .spectra import Spectra

if TYPE_CHECKING:
    import torch
    from torch import nn

    from study.data import Images
    from study.packed import Arrays

    from ..measuring.leader import Leader
    from ..settings import Settings

LAYERS = "layers"
COMMANDS = (LAYERS, "aggregate", "finetune", "frequency-noise", "shifted", "shape-bias")
"""Of `python -m probing`, whose results claims are made of."""


def evidence_of(
    loaded: Mapping[str, nn.Module],
    images: Images,
    settings: Settings,
    device: torch.device,
    *,
    probes: pd.DataFrame | None = None,
) -> Evidence:
    """Everything that the claims ask of attention and tokens, of each model on the same images.

    Args:
        loaded: the contrastive and the masked model, by name and in this order; a single one stands for both.
        images: of `open_images`.
        settings: of the run: convention, batch size, precision, seed.
        device: to run on.
        probes: of `stored_results`, or None.
    """
    import ops
    from study.measurement import Measurement

    from .. import similarity
    from ..measuring.depth_metrics import highest_frequency
    from ..measuring.leader import measured_by_all
    from ..measuring.models_and_images import known_facts

    metrics = {
        "distance": partial(ops.attention_distance, convention=settings.convention),
        "nmi": partial(ops.attention_nmi, convention=settings.convention),
        "delta_log_amplitude": highest_frequency,
        **({"class": ops.class_attention_statistics} if _all_have_class_tokens(loaded) else {}),
        "common_movement": ops.common_movement,
        **similarity.metrics(settings),
    }
    leader = measured_by_all(Measurement(partial(evidence_part, metrics=metrics)), loaded, images, settings, device)
    parameters = {name: sum(one.numel() for one in model.parameters()) for name, model in loaded.items()}
    names, seed = list(loaded), settings.seed or 0
    layouts = known_facts(loaded, images)["layouts"]
    spectra = _spectra(leader, loaded, layouts, len(images), seed)
    return Evidence(names[0], names[-1], _of_images(leader.table()), probes, seed, spectra, parameters, layouts)


def evidence_part(
    model: nn.Module, batches: Iterable[Any], numbers: np.ndarray, *, metrics: Mapping[str, Callable[..., Any]]
) -> Arrays:
    """Values of metrics and what spectra are made of, from two passes over the same batches, for one measurement."""
    from study.measurement import metric_values

    from ..tokens.spectra import spectra_part

    held = list(batches)
    return {**metric_values(model, held, numbers, metrics=metrics), **spectra_part(model, held, numbers)}


def _all_have_class_tokens(loaded: Mapping[str, Any]) -> bool:
    from models import token_layout

    return all(token_layout(model).class_tokens for model in loaded.values())


def _spectra(
    leader: Leader, loaded: Mapping[str, Any], layouts: Mapping[str, Mapping[str, Any]], images: int, seed: int
) -> Spectra:
    """Of all depths, at one rank of each level that all models have; the same groups of images for all models."""
    import torch

    from ..tokens.singular_choices import shown_ranks
    from ..tokens.spectra import depth_spectra, group_count, groups_at_random

    sizes = {name: {**layout, "channels": loaded[name].embed_dim} for name, layout in layouts.items()}
    ranks = {level: shown[0] for level, shown in shown_ranks(sizes, images).items()}
    groups = min(group_count(size["channels"], size["depth"] + 1, images) for size in sizes.values())
    known = {"group_of": groups_at_random(images, groups, seed), "ranks": [ranks["tokens"]]}
    precision = torch.finfo(getattr(torch, leader.settings.dtype)).eps
    return Spectra({name: depth_spectra(leader.of(name), precision=precision, **known) for name in loaded}, ranks)


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
