"""The figure of poolings, from a table alone."""

import pandas as pd
import pytest

from probing.aggregation.figure import poolings_figure


def table(layers):
    values = {"one": {"patches": 0.3, "tokens": 0.5, "class_token": 0.4}, "two": {"patches": 0.6, "registers": 0.2}}
    rows = [
        {"model": model, "layer": layers[model], "pooling": name, "value": value, "images": 20}
        for model, numbers in values.items()
        for name, value in numbers.items()
    ]
    return pd.DataFrame(rows).assign(low=lambda rows: rows["value"] - 0.1, high=lambda rows: rows["value"] + 0.2)


@pytest.mark.parametrize(
    ("layers", "said"), [({"one": 8, "two": 8}, "Layer 8."), ({"one": 8, "two": 3}, "Layer 8 of one, 3 of two.")]
)
def test_lines_points_and_words(layers, said):
    figure = poolings_figure(table(layers))
    (ax,) = figure.axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["mean of patches", "class token", "AbMILP", "mean of registers"]
    points = {bars.get_label(): bars.lines[0].get_xydata().tolist() for bars in ax.containers}
    assert points["one"] == [[0.3, 0.15], [0.5, 2.15], [0.4, 1.15]]
    assert points["two"] == [[0.6, -0.15], [0.2, 2.85]]
    ends = [segment[:, 0].tolist() for segment in ax.containers[0].lines[2][0].get_segments()]
    assert ends[0] == pytest.approx([0.2, 0.5])
    assert figure.get_supxlabel() == f"{said} Bars: 95 % bootstrap intervals over 20 test images."
