"""The overview as a picture: a photograph, where two of its patches look, and four metrics over depth."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure, SubFigure

from ..findings import Findings
from .below import beneath
from .depth_panels import LABELS, depth_panels
from .direction import direction
from .map_panels import block_of_maps, numbered_queries, photograph_panel, scale_of_maps
from .model_curve import legend_above, legend_of
from .paper_curves import paper_remark
from .where import short

WIDTH = 14.0  # inches
MAP = 1.28  # height of one row of maps, a row for each model
LARGE = 1.9  # the same, of one model alone: a row for each query
CURVES = 3.1
HEAD = 1.05  # room for title and note


def overview_figure(findings: Findings, summary: pd.DataFrame) -> Figure:
    """Draw the findings of `experiments.overview`.

    Args:
        findings: with the table `attention_maps`, its photographs and the facts.
        summary: of the table `overview`.
    Raises:
        ValueError: a table lacks what is drawn.
    """
    models = list(dict.fromkeys(summary["model"]))
    top = (2 * LARGE if len(models) == 1 else len(models) * MAP) + 0.75
    figure = plt.figure(figsize=(WIDTH, HEAD + top + CURVES), layout="constrained")
    figure.suptitle(_title(findings.facts), fontsize=13, weight="bold")
    upper, lower = figure.subfigures(2, 1, height_ratios=[top, CURVES], hspace=0.03)
    _maps(upper, findings, models)
    _curves(lower, findings.facts, summary, models)
    beneath(figure, findings.facts, _note(findings.facts, summary))
    return figure


def _title(facts: dict[str, Any]) -> str:
    count = facts["images"]
    kind = "photographs" if facts["data"] == "sample" else "images"
    which = "miniature ViTs" if len(facts["miniatures"]) == len(facts["layouts"]) else "ViTs"
    return f"Where {which} look: {count} {kind if count > 1 else kind[:-1]} ({short(facts['data'])})"


def _note(facts: dict[str, Any], summary: pd.DataFrame) -> str:
    bands = "; bands: 95 % bootstrap intervals over images" if facts["images"] > 1 else ""
    how = f"Mean over heads, then over images{bands}. Convention {facts['convention']}. Depth 0: embedding."
    return "\n".join(line for line in (how, paper_remark(facts), direction(summary)) if line)


def _maps(figure: SubFigure, findings: Findings, models: list[str]) -> None:
    """The photograph and a block of maps for each query, a row for each model; of one model a row for each query."""
    table, pictures = findings.tables["attention_maps"], findings.pictures
    named = numbered_queries(table)
    alone = len(models) == 1
    widths = [1.0, 1.8] if alone else [1.05, *[1.6] * len(named)]
    left, *blocks = figure.subfigures(1, len(widths), width_ratios=widths)
    ax = photograph_panel(left, table, pictures, models[0])
    ax.set_title(f"{findings.facts['photograph']}, queries 1 and 2", fontsize=10)
    ax.set_xlabel(scale_of_maps(findings.facts["layouts"]), fontsize=9, color="0.3")
    if alone:
        blocks[0].suptitle(f"Attention of two queries in {models[0]} (mean over heads)", fontsize=10)
        rows = [(models[0], query, name.replace(", ", "\n")) for query, name in named.items()]
        block_of_maps(blocks[0], table, pictures, rows)
        return
    for block, (query, name) in zip(blocks, named.items(), strict=True):
        block.suptitle(f"Attention of {name} (mean over heads)", fontsize=10)
        block_of_maps(block, table, pictures, [(model, query, model) for model in models])


def _curves(figure: SubFigure, facts: dict[str, Any], summary: pd.DataFrame, models: list[str]) -> None:
    axes = figure.subplots(1, len(LABELS))
    depth_panels(axes, facts, summary, models)
    legend_above(figure, legend_of(axes), WIDTH)
