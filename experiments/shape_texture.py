"""Shape or texture: what is left of accuracy when textures are randomised, and decisions on cue-conflict images.

Claim: contrastive learning goes by shapes, masked image modelling by textures; the order of shape bias is contrastive,
masked, supervised.

The paper's values and its exact protocol on Stylized ImageNet are not known (open point O7). Here probes (or fine-tuned
models) trained on plain images answer to shifted images of the same classes: those that the user has, such as Stylized
ImageNet, or images whose textures are randomised by a way of our own, which is not Stylized ImageNet. Cue-conflict
images (Geirhos et al. 2019, arXiv:1811.12231) are shown where there are results of `python -m probing shape-bias`.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 9. Results are those of `python -m probing shifted`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from .applicable import NotApplicable
from .findings import Findings
from .stored.facts import stored_facts
from .stored.panels_of_heads import panels_of_heads, pooled, title_of
from .stored.results import stored
from .stored.words import recipes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .settings import Settings
    from .stored.results import Source

MODELS = ()
"""All that the results know."""

SHIFTED = "accuracy|accuracy_shifted|relative_accuracy"
BIAS = r"shape_bias|shape_bias@.*|neither"
OURS = (
    "Textures are randomised by a way of our own (each image gets the amplitudes of one of another class): this is not "
    "Stylized ImageNet (O7), so compare these numbers with each other only."
)


def read(settings: Settings) -> Findings:
    """Accuracy on clean and shifted images and their ratio, and shape bias, of the last layer of each model.

    Args:
        settings: of the run.
    Returns:
        Table `shape-texture`, rows of `python -m probing shifted` and of `shape-bias`.
    Raises:
        NotApplicable: there are results of neither.
    """
    found = stored(settings, "shifted", metrics=SHIFTED)
    cues = stored(settings, "shape-bias", metrics=BIAS)
    if found.rows.empty and cues.rows.empty:
        raise NotApplicable("; ".join(dict.fromkeys(found.missing.values())))
    rows, conflicts = pooled(found.rows), pooled(cues.rows)
    facts = stored_facts(found, dataclasses.replace(cues, missing={}))
    if not rows.empty:
        own = stored_facts(found)
        facts |= {name: own[name] for name in ("images", "data", "classes")}
    facts["shift"] = list(dict.fromkeys(_shift(source) for source in found.sources))
    facts["cues"] = list(dict.fromkeys(_cues(source) for source in cues.sources))
    facts["notes"] += [*facts["shift"], *_kept_by_chance(rows, facts), *recipes(rows[rows["metric"] == "accuracy"])]
    if conflicts.empty:
        facts["notes"].append(f"The panel of cue-conflict images is left out: {next(iter(cues.missing.values()))}.")
    return Findings({"shape-texture": pd.concat([rows, conflicts], ignore_index=True)}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `read`, or read back.
        summary: None, as the rows have their intervals.
    """
    from .figures.shape_texture import shape_texture_figure

    rows = findings.tables["shape-texture"]
    shifted = rows["metric"].str.fullmatch(SHIFTED)
    return shape_texture_figure(rows[shifted], rows[~shifted], findings.facts)


def _shift(source: Source) -> str:
    """What the shifted images are."""
    known: Mapping[str, Any] = source.manifest["shift"]
    if known["textures"]:
        return OURS
    images = source.manifest["images"]["shifted"]
    return f"Shifted: {images['count']} images of {'/'.join(str(images['where']).split('/')[-2:])}."


def _cues(source: Source) -> str:
    tested = source.tested()
    return f"{tested['images']} cue-conflict images"


def _kept_by_chance(rows: pd.DataFrame, facts: Mapping[str, Any]) -> list[str]:
    """How much of its accuracy a model would keep by guessing: a ratio is to be read against this."""
    if facts["classes"] is None:
        return []
    said = []
    for part in panels_of_heads(rows[rows["metric"] == "accuracy"]):
        shares = 100 / facts["classes"] / part["value"]
        ends = " to ".join(dict.fromkeys(f"{share:.0f}" for share in (shares.min(), shares.max())))
        said.append(f"{title_of(part)}: guessing would keep {ends} % of the accuracy.")
    return said
