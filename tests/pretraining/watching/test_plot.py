"""Figures of a training: which panels, which lines."""

import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pretraining.watching import plot_run
from pretraining.watching.plot import diagnostics_figure, losses_figure

LOG = pd.DataFrame(
    {"images": [1e6, 2e6], "epoch": [1, 2], "step": [4, 8], "loss": [3, 2], "mim": [1, 0.5], "lr": [1e-3, 0],
     "grad_norm": [1, 1], "images_per_second": [100, 100]}
)  # fmt: skip


def measured():
    names = ["attention_distance", "attention_nmi", "token_similarity", "relative_log_amplitude"]
    rows = [
        {"images": images, "metric": name, "depth": depth, "value": depth + images}
        for name in names
        for images in (0, 100)
        for depth in range(int("attention" in name), 4)
    ]
    votes = [{"images": images, "metric": "knn_patches", "depth": 3, "value": 0.2} for images in (0, 100)]
    return pd.DataFrame(rows + votes)


def panels(figure):
    return {ax.get_ylabel(): ax for ax in figure.axes}


def test_losses_have_a_panel_each():
    shown = panels(losses_figure(LOG))
    assert list(shown) == ["Loss", "Loss, masked images", "Learning rate"]
    assert shown["Loss"].lines[0].get_xydata().tolist() == [[1, 3], [2, 2]]
    assert shown["Loss"].get_xlabel() == "Images seen (millions)"


def test_diagnostics_have_a_line_for_each_depth_in_its_colour():
    figure = diagnostics_figure(measured())
    shown = panels(figure)
    assert len(shown) == 6  # four metrics, the neighbours, the scale of depths
    attention, tokens = shown["Attention NMI"].lines, shown["Cosine between tokens"].lines
    assert (len(attention), len(tokens)) == (3, 4)
    assert [line.get_color() for line in attention] == [line.get_color() for line in tokens[1:]]
    assert len({line.get_color() for line in tokens}) == 4
    assert tokens[3].get_ydata().tolist() == [3, 103]
    assert shown["k-NN accuracy"].lines[0].get_label() == "mean of patches"


def test_without_labels_there_is_no_panel_of_neighbours():
    table = measured()
    figure = diagnostics_figure(table[table["metric"] != "knn_patches"])
    assert isinstance(figure, Figure) and "k-NN accuracy" not in panels(figure)


def test_figures_are_written_for_what_is_there(tmp_path):
    LOG.to_csv(tmp_path / "log.csv", index=False)
    assert [path.name for path in plot_run(tmp_path)] == ["losses.png"]
    measured().to_csv(tmp_path / "diagnostics.csv", index=False)
    paths = plot_run(tmp_path)
    assert [path.name for path in paths] == ["losses.png", "diagnostics.png"]
    assert all(Image.open(path).size[0] > 900 for path in paths)


def test_a_folder_without_a_training_is_named(tmp_path):
    with pytest.raises(OSError, match=r"holds no log\.csv"):
        plot_run(tmp_path)
