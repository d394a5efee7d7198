"""The experiment attention-maps as a picture: a photograph with its queries, and a block of maps for each query."""

from __future__ import annotations

import textwrap
from pathlib import PurePath
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure, SubFigure

from ..findings import Findings
from .below import beneath
from .map_panels import block_of_maps, numbered_queries, photograph_panel, scale_of_maps
from .where import short

MAP = 1.28  # inches of a map, with what stands below it
LARGE = 1.7  # the same, of one model alone
PHOTOGRAPH = 2.9
HEAD = 1.1  # room for title and note
TITLE = 0.55  # of a block, with the depths above its first row
LETTERS = 13  # of a block's title in an inch
ACROSS = 13  # maps side by side; where there are more, the blocks stand one below the other


def attention_maps_figure(findings: Findings) -> Figure:
    """Draw the findings of `experiments.attention_maps`.

    Args:
        findings: with the table `attention-maps`, its photographs and the facts.
    """
    table, facts = findings.tables["attention-maps"], findings.facts
    models, named = list(facts["layouts"]), numbered_queries(findings.tables["attention-maps"])
    columns = max(len(depths) for depths in facts["depths"].values())
    if len(models) == 1:
        blocks = {f"Attention in {models[0]}": [(models[0], query, _broken(name)) for query, name in named.items()]}
    else:
        blocks = {_block(name): [(one, query, one) for one in models] for query, name in named.items()}
    size, side_by_side = LARGE if len(models) == 1 else MAP, columns * len(blocks) <= ACROSS
    across, down = (len(blocks), 1) if side_by_side else (1, len(blocks))
    wide, high = across * (columns * size + 0.45), down * (len(next(iter(blocks.values()))) * size + TITLE)
    high = max(high, PHOTOGRAPH + TITLE)
    figure = plt.figure(figsize=(PHOTOGRAPH + wide, HEAD + high), layout="constrained")
    figure.suptitle(_title(facts), fontsize=13, weight="bold")
    left, right = np.ravel(np.asarray(figure.subfigures(1, 2, width_ratios=[PHOTOGRAPH, wide])))
    _photograph(left, findings, models[0])
    parts: Any = np.ravel(right.subfigures(down, across, squeeze=False))
    for part, (title, rows) in zip(parts, blocks.items(), strict=True):
        part.suptitle(textwrap.fill(title, int(LETTERS * wide / across)), fontsize=10)
        block_of_maps(part, table, findings.pictures, rows, missing="no class token")
    beneath(figure, facts, _note(facts))
    return figure


def _photograph(figure: SubFigure, findings: Findings, model: str) -> None:
    facts = findings.facts
    ax = photograph_panel(figure, findings.tables["attention-maps"], findings.pictures, model)
    seen = f" as {model} sees it" if len(findings.pictures) > 1 else ""
    ax.set_title(f"{facts['photograph']}{seen}\nqueries 1 and 2", fontsize=10)
    ax.set_xlabel(scale_of_maps(facts["layouts"]), fontsize=9, color="0.3")


def _block(query: str) -> str:
    return f"Attention of {'' if query.startswith('query') else 'the '}{query}"


def _title(facts: dict[str, Any]) -> str:
    return f"Where queries look: {PurePath(facts['photograph']).name} ({short(facts['data'])})"


def _note(facts: dict[str, Any]) -> str:
    which = "Mean over heads" if facts["head"] is None else f"Head {facts['head']} of each model (from 0)"
    return f"{which}. Share of the query's attention to patches; white box: the query. One photograph."


def _broken(name: str) -> str:
    return name.replace(", ", "\n")
