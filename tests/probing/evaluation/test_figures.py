"""Figures from a table alone: what they hold, and without torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probing.evaluation.figures import frequency_figure, shape_bias_figure
from probing.table import COLUMNS

MODELS = ("mini-moco", "mini-simmim")


def table(metrics, layers=(4, 8), poolings=("patches",)):
    cells = [
        (model, layer, pooling, metric)
        for model in MODELS
        for layer in layers
        for pooling in poolings
        for metric in metrics
    ]
    rows = pd.DataFrame(cells, columns=["model", "layer", "pooling", "metric"])
    value = np.random.default_rng(0).uniform(0.2, 0.8, len(rows))
    recipe = "lbfgs-v1; noise epsilon=0.7 width=0.1pi seed=0"
    rest = {"head": "linear", "value": value, "low": value - 0.1, "high": value + 0.1, "images": 500}
    return rows.assign(**rest, recipe=recipe)[list(COLUMNS)]


BIAS = table(["shape_bias", "shape", "texture", "neither", "shape_bias@cat", "shape_bias@dog"])
DROPS = table(["accuracy", *(f"accuracy_drop@0.{step}pi" for step in range(1, 10))])


def value(rows, model, layer, metric):
    chosen = rows[(rows["model"] == model) & (rows["layer"] == layer) & (rows["metric"] == metric)]
    return chosen["value"].item()


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}


def test_shape_bias_of_classes_and_over_layers():
    classes, layers = shape_bias_figure(BIAS).axes
    assert [label.get_text() for label in classes.get_yticklabels()] == ["cat", "dog", "all"]
    for model in MODELS:
        expected = [value(BIAS, model, 8, metric) for metric in ("shape_bias", "shape_bias@cat", "shape_bias@dog")]
        assert lines(classes)[model].get_xdata().tolist() == pytest.approx(expected)
        assert lines(layers)[model].get_ydata().tolist() == [
            value(BIAS, model, layer, "shape_bias") for layer in (4, 8)
        ]
    assert len({line.get_marker() for line in lines(classes).values()}) == len(MODELS)


def test_notes_say_what_is_shown():
    figure = shape_bias_figure(BIAS, layer=4)
    assert "layer 4, patches" in figure._supxlabel.get_text()
    neither = [f"{model} {100 * value(BIAS, model, 4, 'neither'):.1f} %" for model in MODELS]
    assert f"Named by neither, and not counted: {', '.join(neither)}." in figure._supxlabel.get_text()
    note = frequency_figure(DROPS)._supxlabel.get_text()
    assert "epsilon=0.7 width=0.1π, normalised input" in note
    assert f"Without noise: mini-moco {100 * value(DROPS, 'mini-moco', 8, 'accuracy'):.1f} %" in note
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(MODELS)


def test_one_layer_and_no_classes():
    rows = BIAS[(BIAS["metric"] == "shape_bias") & (BIAS["layer"] == 8)]
    (ax,) = shape_bias_figure(rows).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all"]


def test_a_missing_value_and_interval_are_left_out():
    rows = BIAS.copy()
    rows.loc[rows["metric"] == "shape_bias@cat", ["value", "low", "high"]] = np.nan
    shape_bias_figure(rows).canvas.draw()


def test_drops_point_down_in_points():
    (ax,) = frequency_figure(DROPS).axes
    for model in MODELS:
        expected = [-100 * value(DROPS, model, 8, f"accuracy_drop@0.{step}pi") for step in range(1, 10)]
        assert lines(ax)[model].get_ydata().tolist() == pytest.approx(expected)
        assert lines(ax)[model].get_xdata().tolist() == pytest.approx([step / 10 for step in range(1, 10)])


def test_errors():
    with pytest.raises(ValueError, match=r"the table has no shape_bias; it has accuracy, accuracy_drop@0\.1pi"):
        shape_bias_figure(DROPS)
    with pytest.raises(ValueError, match="pooling 'cp1': the table has patches"):
        frequency_figure(DROPS, pooling="cp1")
    with pytest.raises(ValueError, match="layer 5: not all of mini-moco, mini-simmim have it"):
        frequency_figure(DROPS, layer=5)


def test_no_torch_is_imported():
    code = "import sys, probing.evaluation.figures, probing.commands.frequency_noise; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=120).returncode == 0
