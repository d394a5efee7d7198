"""PCA of tokens as pictures: photographs, and below them the components of each model as colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from study.plots import plots

from ..findings import Findings
from ..pca import COLOURS, NAME, picture_name
from .below import beneath
from .where import short

PANEL = 1.55  # inches
LABELS = 1.2  # inches for the names of the rows
WIDTH = 7.6  # at least


def pca_figure(findings: Findings) -> Figure:
    """Draw the findings of `experiments.pca`: the photographs of a field of view, then a row for each model and depth.

    Args:
        findings: with the tables `pca` and `variance` and the photographs.
    """
    facts = findings.facts
    rows = _rows(facts)
    numbers = [int(number) for number in facts["shown"]]
    width = max(WIDTH, LABELS + PANEL * len(numbers))
    figure = plt.figure(figsize=(width, PANEL * len(rows) + 1.5), layout="constrained")
    axes: Any = figure.subplots(len(rows), len(numbers), squeeze=False)
    for line, (view, model, depth) in zip(axes, rows, strict=True):
        for ax, number in zip(line, numbers, strict=True):
            if model is None:
                _photograph(ax, findings, view, number)
            else:
                _tiles(ax, findings, model, depth, number)
        line[0].set_ylabel(_label(findings, model, depth), fontsize=8.5)
    _names(axes[0], facts)
    figure.suptitle(
        f"First three components of the patch tokens as red, green, blue ({short(facts['data'])})", fontsize=12
    )
    beneath(figure, facts, _note(facts))
    return figure


def _rows(facts: Mapping[str, Any]) -> list[tuple[int, str | None, int]]:
    """(field of view, model, depth) of each row; without model it holds photographs."""
    rows: list[tuple[int, str | None, int]] = []
    for view in sorted(set(facts["views"].values())):
        rows.append((view, None, 0))
        models = [model for model in facts["layouts"] if facts["views"][model] == view]
        rows += [(view, model, depth) for model in models for depth in facts["depths"][model]]
    return rows


def _photograph(ax: Any, findings: Findings, view: int, number: int) -> None:
    ax.imshow(np.asarray(findings.pictures[picture_name(view, number)]))
    ax.set_xticks([])
    ax.set_yticks([])


def _tiles(ax: Any, findings: Findings, model: str, depth: int, number: int) -> None:
    table, layout = findings.tables[NAME], findings.facts["layouts"][model]
    own: Any = table[(table["model"] == model) & (table["depth"] == depth) & (table["image"] == number)]
    grid = int(own["row"].max()) + 1, int(own["col"].max()) + 1
    plots().pca_picture(own.sort_values(["row", "col"])[COLOURS].to_numpy(), grid=grid, ax=ax)
    height, width = layout["patch_size"]
    ax.set_aspect(height / width)
    shares = _shares(findings, model, depth, number)
    if findings.facts["fit"] == "image":
        ax.set_xlabel(f"{shares.sum():.0%}", fontsize=8, labelpad=2)


def _label(findings: Findings, model: str | None, depth: int) -> str:
    if model is None:
        return "as seen"
    text = f"{model}\ndepth {depth}"
    if findings.facts["fit"] == "image":
        return text
    shares = _shares(findings, model, depth, -1)
    return f"{text}\n{' + '.join(f'{100 * share:.0f}' for share in shares)} %"


def _shares(findings: Findings, model: str, depth: int, number: int) -> np.ndarray:
    table, image = findings.tables["variance"], -1 if findings.facts["fit"] == "joint" else number
    own: Any = table[(table["model"] == model) & (table["depth"] == depth) & (table["image"] == image)]
    return own.sort_values("component")["share"].to_numpy()


def _names(axes: Any, facts: Mapping[str, Any]) -> None:
    for ax, name in zip(axes, facts["shown"].values(), strict=True):
        ax.set_title(name if len(name) <= 18 else f"...{name[-15:]}", fontsize=8, pad=3)


def _note(facts: Mapping[str, Any]) -> str:
    fit = "all images of a row together" if facts["fit"] == "joint" else "each image by itself, its colours are its own"
    rule = f" White: first component not {facts['foreground'].replace(':', ' ')}." if facts["foreground"] else ""
    return (
        f"Block outputs without the last norm, centred, not scaled; axes fitted to {fit};\n"
        "the largest loading of each axis is positive. Percentages: variance explained by red, green and blue"
        f"{' together' if facts['fit'] == 'image' else ''}.\nColours of two models cannot be compared.{rule}"
    )
