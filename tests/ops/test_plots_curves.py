"""Curves, reference lines and spectra hold the numbers they were given."""

import jaxtyping
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from ops import plots


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_depth_curve_draws_the_data_and_the_band(ax):
    depth, mean = np.arange(1, 9), np.linspace(3, 9, 8)
    drawn = plots.depth_curve(depth, mean, band=(mean - 1, mean + 2), model="mini-moco", ylabel="distance (px)", ax=ax)
    assert drawn is ax
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.stack([depth, mean], 1))
    corners = ax.collections[0].get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == (2, 11)
    assert ax.get_legend_handles_labels()[1] == ["mini-moco"]
    assert ax.get_ylabel() == "distance (px)"
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_depth_curve_takes_tensors_and_the_current_axes(ax):
    plt.sca(ax)
    drawn = plots.depth_curve(torch.arange(3), torch.ones(3, dtype=torch.bfloat16), model="a", ylabel="b")
    assert drawn is ax
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.ones(3))


@pytest.fixture
def unchecked(monkeypatch):
    """The errors that users see, who have no run-time check of shapes."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.usefixtures("unchecked")
def test_values_that_are_not_averaged_are_refused(ax):
    with pytest.raises(ValueError, match=r"mean has shape \(3, 2\).*average over images and heads first"):
        plots.depth_curve(np.arange(3), np.ones((3, 2)), model="a", ylabel="b", ax=ax)


@pytest.mark.usefixtures("unchecked")
def test_spectra_of_single_images_are_refused(ax):
    with pytest.raises(ValueError, match="average over images first"):
        plots.spectrum(np.zeros((1, 3, 4)), depth=np.array([0]), model="simmim", ax=ax)


def test_frequency_curve_names_its_units(ax):
    plots.frequency_curve(np.array([0.0, 0.5]), np.array([0.0, -2.0]), model="mae", ax=ax)
    assert "π" in ax.get_xlabel()
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0, -2])


def test_paper_curve_is_faint_in_the_colour_of_the_model(ax):
    plots.paper_curve(np.arange(2), np.array([1.0, 2.0]), model="moco", ax=ax)
    line = ax.lines[0]
    assert to_rgba(line.get_color()) == to_rgba(plots.model_style("moco").colour)
    assert line.get_alpha() < 0.5
    assert "digitised" in line.get_label()


def test_reference_line_lies_where_it_should_and_inside_the_axes(ax):
    ax.plot([1, 2], [0, 1])
    plots.reference_line(116.49, text="uniform attention", ax=ax)
    np.testing.assert_array_equal(ax.lines[-1].get_ydata(), [116.49, 116.49])
    assert ax.texts[0].get_text() == "uniform attention"
    assert ax.get_ylim()[1] > 116.49


def test_uniform_distance_equals_a_loop_on_an_oblong_grid():
    rows, columns, height, width = 3, 4, 8, 16
    cells = [(r * height, c * width) for r in range(rows) for c in range(columns)]
    pairs = [((a - c) ** 2 + (b - d) ** 2) ** 0.5 for a, b in cells for c, d in cells]
    assert plots.uniform_distance((rows, columns), patch_size=(height, width)) == pytest.approx(
        np.mean(pairs), rel=1e-12
    )
    assert plots.uniform_entropy((3, 4)) == pytest.approx(np.log(12))


def test_spectrum_has_a_line_for_each_depth_and_a_colour_scale(ax):
    values = -np.arange(12.0).reshape(3, 4)
    plots.spectrum(values, depth=np.array([0, 4, 8]), model="simmim", ax=ax)
    for line, row in zip(ax.lines, values):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
        np.testing.assert_array_equal(line.get_ydata(), row)
    assert len({line.get_color() for line in ax.lines}) == 3
    assert len(ax.figure.axes) == 2


def test_styles_differ_in_colour_marker_and_line():
    styles = [plots.model_style(name) for name in ("moco", "simmim", "mae", "dino", "beit", "supervised", "random")]
    for part in ("colour", "marker", "line"):
        assert len({str(getattr(style, part)) for style in styles}) == len(styles)


def test_a_miniature_is_the_hollow_sister_of_its_model():
    large, small = plots.model_style("simmim"), plots.model_style("mini-simmim")
    assert (large.colour, large.marker, large.hollow) == (small.colour, small.marker, not small.hollow)
    assert plots.model_style("vit_mini_patch4_32.simmim") == small
    assert plots.model_style("vit_base_patch16_224.mae") == plots.model_style("mae")


def test_an_unknown_model_keeps_its_style():
    assert plots.model_style("my own vit") == plots.model_style("my own vit")
