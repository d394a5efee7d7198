"""Which frequencies models need: accuracy lost to noise in one band of frequencies after another.

Claim: contrastive learning is robust to noise of high frequencies, masked image modelling is more vulnerable to it.

The paper's values are not known, nor the size of its noise (open point O8). The method is that of Park & Kim 2022
(arXiv:2202.06709), fig. 2b, where a supervised ViT loses about 15 points in its worst band; so `python -m probing
frequency-noise --calibrate 15 --on MODEL` finds the size, which is said below the figure with the width of the bands.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 9. Panels: probes on the frozen model, and fine-tuned models where
there are results of such.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from .figures.below import beneath
from .figures.where import where
from .findings import Findings
from .stored.facts import stored_facts
from .stored.panels_of_heads import clean_in_words, panels_of_heads, pooled, title_of
from .stored.results import stored
from .stored.words import recipes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .settings import Settings
    from .stored.results import Stored

MODELS = ()
"""All that the results know."""

DROPS = r"accuracy|accuracy_drop@.*"
SIZE = (4.6, 3.9)  # inches of a panel
LETTERS = 9  # points
BANDS = "Shaded: 95 % bootstrap intervals, paired over images."
FLOOR = "Who knows less without noise has less to lose: read a drop beside the accuracy without noise."


def read(settings: Settings) -> Findings:
    """Drops of accuracy by band, of the last layer of each model.

    Args:
        settings: of the run.
    Returns:
        Table `frequency-noise`, rows of `python -m probing frequency-noise`.
    Raises:
        NotApplicable: there are no such results.
    """
    found = stored(settings, "frequency-noise", metrics=DROPS).required()
    rows = pooled(found.rows)
    facts = stored_facts(found)
    facts["noise"] = [_noise(source.manifest["noise"]) for source in found.sources]
    facts["uneven"] = _uneven(found)
    facts["notes"] += [*_said(found), *clean_in_words(rows), FLOOR, *recipes(rows[rows["metric"] == "accuracy"])]
    return Findings({"frequency-noise": rows}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `read`, or read back.
        summary: None, as the rows have their intervals.
    """
    from matplotlib.figure import Figure

    from probing.evaluation.figures import frequency_panel

    from .figures.model_curve import legend_of

    facts, rows = findings.facts, findings.tables["frequency-noise"]
    drops = rows[rows["metric"] != "accuracy"]
    parts = panels_of_heads(drops)
    figure = Figure(figsize=(max(SIZE[0] * len(parts), 7), SIZE[1] + 1.6), layout="constrained")
    body = figure.subfigures(1, 1)  # its legend makes room below the title
    axes = body.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for ax, own in zip(axes, parts, strict=True):
        frequency_panel(ax, own)
        ax.set_title(title_of(own), fontsize=LETTERS + 1)
    for ax in axes[1:]:
        ax.set_ylabel("")
    handles, labels = legend_of(axes)
    columns = min(len(labels), 6)
    body.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=LETTERS)
    figure.suptitle(f"Accuracy lost to noise in one band: {where(facts)}")
    said = [*dict.fromkeys(facts["noise"]), *facts["uneven"], BANDS, FLOOR]
    beneath(figure, facts, " ".join(said))
    return figure


def _noise(known: Mapping[str, Any]) -> str:
    """Size and width of the noise, and how the size was chosen."""
    chosen = known.get("calibration")
    how = (
        f"chosen so that the worst drop of {chosen['model']} (layer {chosen['layer']}, "
        f"{chosen['pooling'].replace('_', ' ')}) is about {100 * chosen['asked']:.0f} points"
        if chosen
        else "not calibrated"
    )
    return f"Noise: ε = {known['epsilon']:g} on normalised input ({how}), bands {known['width']:g}π wide (O8)."


def _said(found: Stored) -> list[str]:
    """Of which noise, where folders differ in it, and how even its bands are."""
    noises = {_noise(source.manifest["noise"]): source.name for source in found.sources}
    differ = [f"Not the same noise for all: {'; '.join(f'{name}: {text}' for text, name in noises.items())}"]
    return [*(differ if len(noises) > 1 else noises), *_uneven(found)]


def _uneven(found: Stored) -> list[str]:
    """What the commands noted of bands that are not equally wide, as small images have few frequencies."""
    notes = [note for source in found.sources for note in source.manifest["noise"].get("notes", ())]
    return list(dict.fromkeys(f"{note[:1].upper()}{note[1:]}." for note in notes))
