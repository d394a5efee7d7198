"""The evidence for claims: one pass of each of two models, and stored accuracies of their probes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from probing.table import TABLE, read_results
from study.long_table import Table, means_of_heads

from .evidence import Evidence

if TYPE_CHECKING:
    import torch
    from torch import nn

    from study.data import Images

    from ..settings import Settings

STORED = Path(__file__).parents[2] / "resources" / "results" / "probing"
"""Probes of the miniatures, trained and committed."""


def evidence_of(
    loaded: Mapping[str, nn.Module],
    images: Images,
    settings: Settings,
    device: torch.device,
    *,
    probes: pd.DataFrame | None,
) -> Evidence:
    """Everything that the claims ask of attention and tokens, per image, in one pass of each model.

    Args:
        loaded: the contrastive and the masked model, by name and in this order; a single one stands for both.
        images: of `open_images`.
        settings: of the run: convention, batch size, precision, seed.
        device: to run on.
        probes: accuracies of both models, or None.
    """
    import ops

    from .. import depth_metrics, similarity

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


def stored_probes(folder: Path | None, cl: str, mim: str) -> tuple[pd.DataFrame, Path] | tuple[None, None]:
    """Accuracies of both models, and where they stand; (None, None) where the project's own do not know them.

    Args:
        folder: of `python -m probing layers`, or None for those that come with the project.
        cl, mim: names of the models.
    Raises:
        OSError: there is no table in the folder.
        ValueError: it does not have both models.
    """
    where = STORED if folder is None else folder
    if folder is None and not (where / TABLE).is_file():
        return None, None
    table = read_results(where)
    missing = [name for name in (cl, mim) if name not in set(table["model"])]
    if not missing:
        return table, where
    if folder is None:
        return None, None
    raise ValueError(
        f"{where} has no probes of {', '.join(missing)} but of {', '.join(table['model'].unique())}: train them with "
        f"`python -m probing layers --model {cl} {mim} ...`"
    )
