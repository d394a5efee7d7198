"""Stored accuracies of models, frozen under a linear probe and fine-tuned: what behaviour and hybrid share."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd

from ..settings import Settings
from .facts import stored_facts, weights_of
from .paper import stored_paper
from .results import Stored, stored
from .words import recipes

LAST = "the last depth, mean of patches"
BEST = "the best depth, class token or mean of patches"
PROBE, TUNED = "linear", "finetune"
POOLINGS = ("class_token", "patches")
CHOSEN = "chosen on the very test images, so a little too good"


def probe_and_finetune(settings: Settings, which: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row for the probe and one for the fine-tuning of each model, as far as there are results.

    Args:
        settings: of the run.
        which: probe of a model: `LAST` or `BEST`.
    Returns:
        (rows as `stored.stored` gives them with the number of parameters, facts of `stored_facts` with `probe`: which
        it is, and `missing`: what to do for those that are not there).
    """
    probes, tuned = _of_same_models(settings)
    rows = pd.concat([_one_probe(probes.rows, which), tuned.rows], ignore_index=True)
    sizes, unknown = _parameters(probes, tuned)
    facts = stored_facts(probes.beside(tuned))
    facts |= {
        "probe": which,
        "missing": {PROBE: list(probes.missing.values()), TUNED: list(tuned.missing.values())},
        "published": stored_paper("probe_and_fine_tune", probes),
    }
    facts["notes"] += [
        f"Linear probe: {which}{f' ({CHOSEN})' if which == BEST else ''}.",
        *(text for found in (probes, tuned) if found.rows.empty for text in dict.fromkeys(found.missing.values())),
        *recipes(rows),
        *unknown,
    ]
    facts["notes"] = list(dict.fromkeys(facts["notes"]))
    return rows.assign(parameters=rows["model"].map(sizes).astype(float)), facts


def _of_same_models(settings: Settings) -> tuple[Stored, Stored]:
    """Results of both commands; models that the user does not name are all that either of them knows."""
    found = stored(settings, "layers", heads=[PROBE]), stored(settings, "finetune", heads=[TUNED])
    names = [name for one in found for name in one.rows["model"]]
    if settings.models or settings.train or not names:
        return found
    named = dataclasses.replace(settings, models=tuple(dict.fromkeys(names)))
    return stored(named, "layers", heads=[PROBE]), stored(named, "finetune", heads=[TUNED])


def _one_probe(rows: pd.DataFrame, which: str) -> pd.DataFrame:
    """The row of each model that stands for it."""
    rows = rows[rows["pooling"].isin(["patches"] if which == LAST else list(POOLINGS))]
    by_model = rows.groupby("model", sort=False)
    return rows.loc[(by_model["layer"] if which == LAST else by_model["value"]).idxmax()]


def _parameters(*found: Stored) -> tuple[dict[str, int], list[str]]:
    """Number of parameters of each model without a classifier on top, and what to say of those it is not known of."""
    from models import load_model
    from study.model_set import is_packaged

    names = list(dict.fromkeys(name for one in found for name in one.rows["model"]))
    sizes: dict[str, int] = {}
    sources = [source for one in found for source in one.sources if source.what != "finetune"]
    for name in names:
        for _, known in weights_of(sources, name):
            if known.get("parameters"):
                sizes.setdefault(name, known["parameters"])
        if name not in sizes and is_packaged(name):
            sizes[name] = sum(one.numel() for one in load_model(name).parameters())
    unknown = [name for name in names if name not in sizes]
    said = (
        f"{', '.join(unknown)}: the results do not tell the number of parameters; run `python -m probing layers` again."
    )
    return sizes, [said] if unknown else []
