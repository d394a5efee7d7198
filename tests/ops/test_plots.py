"""Plots: what is drawn is what was given, where it was given, in the axes that were given."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose

import ops
from ops import plots

GRID = (2, 4)
SIZE = (32, 96)  # pixels: patches of 16 x 24


@pytest.fixture
def ax():
    figure, axes = plt.subplots(figsize=(3.2, 2.6))
    yield axes
    plt.close(figure)


@pytest.fixture(autouse=True)
def _no_show(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("a plot called show()"))


def photo(height=SIZE[0], width=SIZE[1]):
    return torch.rand(height, width, 3, generator=torch.Generator().manual_seed(0))


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_import_ops_leaves_matplotlib_out_and_plots_is_a_submodule():
    code = "import sys, ops; assert 'matplotlib' not in sys.modules; from ops import plots; plots.depth_curve"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(ops.__file__).parent.parent)


def test_tables_are_drawn_without_torch():
    lines = [
        "import sys, types",
        "ops = sys.modules['ops'] = types.ModuleType('ops')",
        f"ops.__path__ = [{str(Path(ops.__file__).parent)!r}]",
        "from ops import plots",
        "plots.depth_curve([1, 2], [3, 4], model='moco')",
        "assert 'torch' not in sys.modules",
    ]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    subprocess.run([sys.executable, "-c", "; ".join(lines)], check=True, env=environment)


@pytest.mark.parametrize("name", plots.__all__)
def test_every_plot_is_documented_and_takes_ax(name):
    function = getattr(plots, name)
    assert len(inspect.getdoc(function).splitlines()) > 1
    parameters = inspect.signature(function).parameters
    if name not in ("image_array", "style", "together", "uniform_distance"):
        assert parameters["axes" if name == "attention_grid" else "ax"].kind is inspect.Parameter.KEYWORD_ONLY


# Curves


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor, pd.Series])
def test_depth_curve_draws_the_numbers(ax, kind):
    assert plots.depth_curve(kind([0, 1, 2]), kind([0.5, 2.0, 1.0]), model="moco", ax=ax, ylabel="NMI") is ax
    [line] = ax.lines
    assert_allclose(line.get_xydata(), [[0, 0.5], [1, 2.0], [2, 1.0]])
    assert (line.get_color(), line.get_marker()) == (plots.style("moco")["color"], "o")
    assert (ax.get_xlabel(), ax.get_ylabel(), legend_texts(ax)) == ("Depth", "NMI", ["moco"])


def test_half_precision_and_graphs_are_drawn(ax):
    for dtype in (torch.float16, torch.bfloat16):
        plots.depth_curve([1, 2], torch.tensor([1.0, 2.0], dtype=dtype, requires_grad=True), model="moco", ax=ax)
    assert_allclose(ax.lines[1].get_ydata(), [1, 2])


def test_without_ax_the_current_axes_are_used(ax):
    plt.sca(ax)
    assert plots.depth_curve([1, 2], [1, 2], model="moco") is ax


@pytest.mark.parametrize("depths", [range(1, 3), range(13), range(1, 25), range(41)])
def test_depth_ticks_are_whole_numbers(ax, depths):
    plots.depth_curve(depths, np.ones(len(depths)), model="moco", ax=ax)
    ax.figure.canvas.draw()
    seen = [tick for tick in ax.get_xticks() if depths[0] <= tick <= depths[-1]]
    assert_allclose(seen, np.round(seen))
    assert 2 <= len(seen) <= 14
    if len(depths) <= 13:
        assert seen == list(depths)


def test_error_bands(ax):
    mean, half = np.array([2.0, 3.0]), np.array([0.5, 1.0])
    plots.depth_curve([1, 2], mean, error=half, model="moco", ax=ax)
    plots.depth_curve([1, 2], mean, error=(mean - 2, torch.tensor([2.5, 9])), model="simmim", ax=ax)
    ends = [band.get_paths()[0].vertices for band in ax.collections]
    assert {(x, y) for x, y in ends[0].tolist()} == {(1, 1.5), (1, 2.5), (2, 2.0), (2, 4.0)}
    assert {(x, y) for x, y in ends[1].tolist()} == {(1, 0.0), (1, 2.5), (2, 1.0), (2, 9.0)}


def test_depth_curve_errors(ax):
    curve = {"model": "moco", "ax": ax}
    with pytest.raises(ValueError, match=r"depths has 2 values, mean has 3; .*Depth 0 is the embedding"):
        plots.depth_curve([1, 2], [1, 2, 3], **curve)
    with pytest.raises(ValueError, match=r"mean has shape \(2, 3\); expected \(depth\).*Average over"):
        plots.depth_curve([1, 2], np.ones((2, 3)), **curve)
    with pytest.raises(ValueError, match=r"leaves out the mean; .*error=half"):
        plots.depth_curve([1, 2], [5, 5], error=([1, 1], [1, 1]), **curve)
    with pytest.raises(ValueError, match=r"tuple of 3; expected \(low, high\)"):
        plots.depth_curve([1, 2], [5, 5], error=([1, 1], [1, 1], [1, 1]), **curve)
    with pytest.raises(ValueError, match="error has values below 0"):
        plots.depth_curve([1, 2], [5, 5], error=[1, -1], **curve)
    assert not ax.lines


def test_reference_and_paper_stand_beside_the_curve(ax):
    plots.depth_curve([1, 2, 3], [1.0, 2.0, 3.0], model="moco", ax=ax)
    assert plots.reference_line(7.5, "uniform", ax=ax) is ax
    assert plots.paper_curve([1, 2, 3], [1.5, 2.5, 3.5], "paper", model="moco", ax=ax) is ax
    assert_allclose(ax.lines[1].get_ydata(), [7.5, 7.5])
    assert_allclose(ax.lines[2].get_ydata(), [1.5, 2.5, 3.5])
    assert ax.lines[2].get_alpha() < 0.5
    assert legend_texts(ax) == ["moco", "uniform", "paper"]
    with pytest.raises(ValueError, match="depths has 1 values, values has 2"):
        plots.paper_curve([1], [1, 2], "paper", ax=ax)


@pytest.mark.parametrize(
    "names", [["moco"], ["moco", "simmim", "mae", "dino", "random", "vit_base_patch16_224.augreg_in1k"]]
)
def test_the_legend_covers_no_curve(ax, names):
    for name in names:
        plots.depth_curve(range(13), np.linspace(0, 100, 13), model=name, ax=ax)
    ax.figure.canvas.draw()
    bottom = ax.get_legend().get_window_extent().y0
    assert bottom >= ax.transData.transform((0, 100))[1]


def test_legends_in_a_subfigure():
    figure = plt.figure(figsize=(7, 2.6))
    ax = figure.subfigures(1, 2)[1].subplots()
    for name in ("moco", "simmim", "mae", "dino"):
        plots.depth_curve(range(13), np.linspace(0, 100, 13), model=name, ax=ax)
    figure.canvas.draw()
    extent = ax.get_legend().get_window_extent()
    assert extent.y0 >= ax.transData.transform((0, 100))[1]
    assert extent.width < 1.1 * ax.bbox.width
    plt.close(figure)


def test_limits_set_by_the_user_stay(ax):
    ax.set_ylim(0, 120)
    plots.depth_curve([1, 2], [1, 2], model="moco", ax=ax)
    assert ax.get_ylim() == (0, 120)


@pytest.mark.parametrize(("grid", "patch"), [((14, 14), 16), ((3, 5), (8, 4)), ((1, 1), 16), ((1, 2), 16)])
def test_uniform_distance_is_the_mean_over_all_pairs(grid, patch):
    height, width = (patch, patch) if isinstance(patch, int) else patch
    places = [(row * height, column * width) for row in range(grid[0]) for column in range(grid[1])]
    naive = np.mean([np.hypot(a[0] - b[0], a[1] - b[1]) for a in places for b in places])
    assert_allclose(plots.uniform_distance(grid, patch), naive, rtol=1e-12)
    attention = torch.full((1, len(places), len(places)), 1 / len(places), dtype=torch.float64)
    measured = ops.attention_distance(attention, grid=grid, patch_size=patch, prefix=0)
    assert_allclose(plots.uniform_distance(grid, patch), measured.item(), rtol=1e-12)


def test_uniform_distance_needs_a_grid():
    with pytest.raises(ValueError, match=r"grid=\(0, 4\) has no patches"):
        plots.uniform_distance((0, 4), 16)


def test_frequency_curve(ax):
    frequencies = ops.diagonal_frequencies((8, 10))
    assert plots.frequency_curve(frequencies, [0, -1, -2, -3], model="mae", label="mae, depth 12", ax=ax) is ax
    assert_allclose(ax.lines[0].get_xdata(), [0, 0.25, 0.5, 0.75])
    assert_allclose(ax.lines[0].get_ydata(), [0, -1, -2, -3])
    assert "π" in ax.get_xlabel() and "nats" in ax.get_ylabel()
    assert legend_texts(ax) == ["mae, depth 12"]
    with pytest.raises(ValueError, match="frequencies has 4 values, values has 2; expected one for each frequency"):
        plots.frequency_curve(frequencies, [0, 1], model="mae", ax=ax)


def test_spectrum(ax):
    spectra = torch.arange(12.0).reshape(3, 4).flip(1)
    assert plots.spectrum(spectra, model="moco", depths=[0, 6, 12], ax=ax) is ax
    assert_allclose([line.get_ydata() for line in ax.lines], spectra)
    assert_allclose(ax.lines[0].get_xdata(), [1, 2, 3, 4])
    lightness = [sum(to_rgba(line.get_color())[:3]) for line in ax.lines]
    assert lightness == sorted(lightness) and lightness[0] < lightness[-1]
    bar = ax.figure.axes[-1]
    assert bar.get_ylabel() == "Depth" and bar.get_ylim() == (0, 12)
    assert ax.get_title() == "moco"
    with pytest.raises(ValueError, match="depths has 2 values, spectra 3 rows"):
        plots.spectrum(spectra, model="moco", depths=[0, 1], ax=ax)
    with pytest.raises(ValueError, match=r"spectra has shape \(4,\); expected \(depth, rank\)"):
        plots.spectrum(spectra[0], model="moco", ax=ax)


# Styles


def test_a_family_has_one_style_and_no_two_share_it():
    same = [
        (
            "moco",
            "mini-moco",
            "vit_mini_patch4_32.mocov3",
            "vit_small_patch16_224.mocov3",
            "weights/vit-b-MOCO.pth.tar",
        ),
        ("simmim", "mini-simmim", "beit_base_patch16_224.simmim"),
        ("mae", "vit_base_patch16_224.mae", "mae_pretrain_vit_base.pth"),
        ("dino", "vit_base_patch16_224.dino"),
        ("vit_base_patch14_dinov2.lvd142m", "vit_small_patch14_reg4_dinov2.lvd142m"),
        ("beit", "beit_base_patch16_224.pt22k"),
        ("supervised", "deit_base_patch16_224.fb_in1k", "vit_base_patch16_224.augreg_in1k"),
        ("random", "mini-random", "vit_mini_patch4_32.random"),
        ("vit_base_patch16_224.ibot_rand_mask",),
    ]
    looks = [{tuple(plots.style(name)[key] for key in ("color", "marker", "linestyle")) for name in f} for f in same]
    assert all(len(look) == 1 for look in looks)
    assert len({look for [look] in looks}) == len(same)
    assert len({marker for [(_, marker, _)] in looks}) == len(same), "readable without colour"


def test_an_unknown_name_keeps_its_style_and_label():
    assert plots.style("mine") == plots.style("mine")
    assert plots.style("runs/mine.pth")["label"] == "runs/mine.pth", "files of one name differ by their folders"


def test_a_folder_tells_the_family_where_the_file_does_not():
    assert plots.style("runs/SimMIM/checkpoint.pth")["color"] == plots.style("simmim")["color"]
    assert plots.style("moco/mae.pth")["color"] == plots.style("mae")["color"]


def test_models_drawn_together_all_look_different():
    unknown = [f"model{number}" for number in range(12)]
    names = [
        "mini-mae",
        "vit_mini_patch4_32.mae",
        "mae/checkpoint.pth",
        *unknown,
        *("simmim", "moco", "beit", "supervised"),
        "dino",
    ]
    alone = [plots.style(name) for name in names]
    with plots.together(names):
        looks = [plots.style(name) for name in names]
        assert plots.style("moco/elsewhere") == {**plots.style("moco"), "label": "moco/elsewhere"}
    assert [look["label"] for look in looks] == names
    assert len({(look["color"], look["marker"], look["linestyle"]) for look in looks}) == len(names)
    assert looks[0] == alone[0], "the first of a family looks as always"
    assert [plots.style(name) for name in names] == alone, "nothing stays behind"


def test_sizes_of_a_family_drawn_together_differ_without_colour():
    names = [f"{size}.dinov2" for size in ("small", "base", "large", "giant")]
    with plots.together(names):
        looks = [plots.style(name) for name in names]
    for part in ("marker", "linestyle"):
        assert len({look[part] for look in looks}) == len(names)


# Maps


@pytest.mark.parametrize("layout", ["height width 3", "3 height width", "uint8"])
def test_attention_map_draws_map_photograph_and_box(ax, layout):
    image = photo()
    given = {"height width 3": image, "3 height width": image.movedim(-1, 0), "uint8": (image * 255).byte()}[layout]
    weights = torch.arange(8.0).reshape(GRID) / 28
    assert plots.attention_map(given, weights, query=(1, 2), ax=ax, title="moco") is ax
    below, above = ax.images
    grey = image.numpy() @ [0.299, 0.587, 0.114]
    assert_allclose(below.get_array(), grey, atol=1 / 255 + 1e-6)  # uint8 rounds down
    assert_allclose(above.get_array(), weights)
    assert list(below.get_extent()) == list(above.get_extent()) == [0, 96, 32, 0]
    assert above.get_clim() == (0, 0.25)
    assert above.get_interpolation() == "nearest" and above.get_cmap().name == "plasma"
    [box] = ax.patches
    assert (box.get_xy(), box.get_width(), box.get_height()) == ((48, 16), 24, 16)
    assert (ax.get_title(), ax.get_xlabel()) == ("moco", "max 0.25")


def test_the_box_frames_the_pixels_of_its_patch(ax):
    image = np.zeros((32, 96, 3))
    image[16:, 48:72] = 1  # row 1, column 2
    plots.attention_map(image, np.ones(GRID), query=(1, 2), ax=ax)
    (left, top), (right, bottom) = ax.patches[0].get_xy(), ax.patches[0].get_corners()[2]
    assert image[int(top) : int(bottom), int(left) : int(right)].min() == 1
    assert image.sum() == 3 * (right - left) * (bottom - top)
    assert ax.get_ylim() == (32, 0), "the first row is on top"


@pytest.mark.parametrize(("size", "patch"), [(224, (16, 16)), ((224, 112), (16, 8)), ((100, 50), (100 / 14, 50 / 14))])
def test_query_box(ax, size, patch):
    assert plots.query_box((14, 14), (3, 5), size, ax=ax) is ax
    assert_allclose(ax.patches[0].get_xy(), (5 * patch[1], 3 * patch[0]))
    assert_allclose((ax.patches[0].get_height(), ax.patches[0].get_width()), patch)


def test_maps_without_box_flat_or_empty(ax):
    plots.attention_map(photo(), torch.arange(8.0), grid=GRID, query="class", ax=ax)
    assert_allclose(ax.images[1].get_array(), np.arange(8.0).reshape(GRID))
    plots.attention_map(photo(), torch.zeros(GRID), ax=ax)
    assert not ax.patches


def test_map_errors(ax):
    for query in ((2, 0), (0, 4), (-1, 0)):
        with pytest.raises(ValueError, match=r"lies outside grid=\(2, 4\).*\(0, 0\) to \(1, 3\), not pixels"):
            plots.query_box(GRID, query, SIZE, ax=ax)
    with pytest.raises(ValueError, match=r"attention_map has shape \(3, 2, 4\); expected \(row, column\)"):
        plots.attention_map(photo(), torch.ones(3, *GRID), ax=ax)
    with pytest.raises(ValueError, match=r"shape \(9,\), grid=\(2, 4\); .*Leave out the prefix tokens"):
        plots.attention_map(photo(), torch.ones(9), grid=GRID, ax=ax)
    with pytest.raises(ValueError, match=r"shape \(4, 2\), grid=\(2, 4\)"):
        plots.attention_map(photo(), torch.ones(4, 2), grid=GRID, ax=ax)
    with pytest.raises(ValueError, match="at least 0: weights after the softmax, not logits"):
        plots.attention_map(photo(), -torch.ones(GRID), ax=ax)
    with pytest.raises(ValueError, match=r"values from .* comes back with image_array\(image, mean, std\)"):
        plots.attention_map(photo() * 4 - 2, torch.ones(GRID), ax=ax)
    with pytest.raises(ValueError, match=r"image has shape \(5, 6, 7\); expected \(height, width, 3\)"):
        plots.attention_map(torch.rand(5, 6, 7), torch.ones(GRID), ax=ax)


@pytest.mark.parametrize("extra", [None, 0, 1, 3])
def test_attention_grid(extra):
    maps = {"moco, depth 1": torch.rand(GRID), "moco, depth 12": torch.rand(GRID)}
    axes = None if extra is None else plt.subplots(1, 2 + extra)[1]
    figure = plots.attention_grid(photo(), maps, query=(0, 3), axes=axes)
    panels = figure.axes
    if extra != 0:
        assert_allclose(panels[0].images[0].get_array(), photo())
        assert_allclose(panels.pop(0).patches[0].get_xy(), (72, 0))
    for (title, weights), panel in zip(maps.items(), panels):
        assert panel.get_title() == title
        assert_allclose(panel.images[1].get_array(), weights)
        assert_allclose(panel.patches[0].get_xy(), (72, 0))
    assert not any(panel.axison for panel in panels[2:])
    plt.close(figure)


def test_attention_grid_errors(ax):
    with pytest.raises(ValueError, match="maps is empty"):
        plots.attention_grid(photo(), {}, query=None)
    with pytest.raises(ValueError, match="axes has 1 panels for 2 maps"):
        plots.attention_grid(photo(), {"a": torch.ones(GRID), "b": torch.ones(GRID)}, axes=ax)


def test_image_array_undoes_the_normalisation():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    normalised = (photo().movedim(-1, 0) - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    found = plots.image_array(normalised, mean, std)
    assert_allclose(found, photo(), atol=1e-6)  # float32 there and back
    assert plots.image_array(normalised * 100, mean, std).max() == 1
    with pytest.raises(ValueError, match=r"image has shape \(1, 3, 32, 96\)"):
        plots.image_array(normalised[None], mean, std)
    with pytest.raises(ValueError, match=r"shape \(32, 96, 3\).*expected\s+\(3, height, width\)"):
        plots.image_array(photo(), mean, std)


# Tokens


def test_token_cloud(ax):
    before, after = torch.randn(20, 3), torch.randn(20, 3) + 5
    assert plots.token_cloud(before, after, ax=ax, label="moco") is ax
    first, second, *marks = ax.collections
    assert_allclose(first.get_offsets(), before[:, :2])
    assert_allclose(second.get_offsets(), after[:, :2])
    assert_allclose(first.get_edgecolor()[0, :3], to_rgba("#0062A8")[:3])
    assert not first.get_facecolor().size and second.get_facecolor().size, "open and filled, without colour too"
    assert_allclose(marks[1].get_offsets()[0], before[:, :2].mean(0), rtol=1e-5)
    assert_allclose(marks[3].get_offsets()[0], after[:, :2].mean(0), rtol=1e-5)
    assert legend_texts(ax) == ["moco, before", "moco, after"]
    assert ax.get_aspect() == 1
    ax.figure.canvas.draw()
    left, right = ax.get_xlim()
    assert_allclose(np.subtract(*ax.get_ylim()[::-1]), right - left)
    assert ax.get_legend().get_window_extent().y0 > ax.transData.transform(after[:, :2].numpy())[:, 1].max()


def test_token_cloud_in_three_dimensions():
    figure, ax = plt.subplots(subplot_kw={"projection": "3d"})
    before, after = torch.randn(20, 3), torch.randn(20, 3)
    assert plots.token_cloud(before, after, centres=False, ax=ax) is ax
    assert len(ax.collections) == 2
    assert_allclose(np.stack(ax.collections[0]._offsets3d, axis=-1), before)
    with pytest.raises(ValueError, match="2 components and ax is 3-D"):
        plots.token_cloud(before[:, :2], after[:, :2], ax=ax)
    plt.close(figure)


def test_token_cloud_errors(ax):
    with pytest.raises(ValueError, match=r"before has shape \(5, 2\), after \(4, 2\); .*token_transformation"):
        plots.token_cloud(torch.ones(5, 2), torch.ones(4, 2), ax=ax)
    with pytest.raises(ValueError, match=r"before has shape \(5, 4\)"):
        plots.token_cloud(torch.ones(5, 4), torch.ones(5, 4), ax=ax)


def test_token_scatter(ax):
    points, labels = torch.randn(30, 2), torch.arange(3).repeat_interleave(10)
    assert plots.token_scatter(points, labels, names={0: "tench", 1: "cock", 2: "hen"}, ax=ax, title="moco") is ax
    for kind, drawn in enumerate(ax.collections):
        assert_allclose(drawn.get_offsets(), points[labels == kind])
        assert_allclose(drawn.get_facecolor()[0, :3], plt.get_cmap("plasma")(kind / 2.5)[:3])
    assert legend_texts(ax) == ["tench", "cock", "hen"]
    assert ax.get_title() == "moco" and not len(ax.get_xticks())
    ax.clear()
    assert legend_texts(plots.token_scatter(points, labels, ax=ax)) == ["0", "1", "2"]


def test_token_scatter_errors(ax):
    with pytest.raises(ValueError, match=r"points has shape \(6, 2\), labels \(3,\).*repeat_interleave"):
        plots.token_scatter(torch.ones(6, 2), torch.arange(3), ax=ax)
    with pytest.raises(ValueError, match=r"points has shape \(6, 3\)"):
        plots.token_scatter(torch.ones(6, 3), torch.arange(6), ax=ax)
    with pytest.raises(ValueError, match="expected whole numbers from 0"):
        plots.token_scatter(torch.ones(2, 2), torch.tensor([-1, 0]), ax=ax)
    with pytest.raises(ValueError, match=r"names has none for label 2"):
        plots.token_scatter(torch.ones(3, 2), torch.arange(3), names=["tench", "cock"], ax=ax)


def test_pca_picture(ax):
    colors = torch.rand(8, 3)
    assert plots.pca_picture(colors, grid=GRID, ax=ax) is ax
    assert_allclose(ax.images[0].get_array(), colors.reshape(*GRID, 3))
    raw = torch.randn(*GRID, 3) * 7
    plots.pca_picture(raw, ax=ax)
    low, high = raw.amin((0, 1)), raw.amax((0, 1))
    assert_allclose(ax.images[1].get_array(), (raw - low) / (high - low), rtol=1e-5)


def test_background_of_a_pca_picture_is_white(ax):
    colors = torch.randn(8, 3)
    colors[5] = torch.nan
    plots.pca_picture(colors, grid=GRID, ax=ax)
    assert_allclose(ax.images[0].get_array()[1, 1], 1)
    plots.pca_picture(torch.full((8, 3), torch.nan), grid=GRID, ax=ax)
    assert_allclose(ax.images[1].get_array(), 1)


def test_pca_picture_errors(ax):
    with pytest.raises(ValueError, match=r"shape \(9, 3\), grid=\(2, 4\); .*of patch tokens only"):
        plots.pca_picture(torch.ones(9, 3), grid=GRID, ax=ax)
    with pytest.raises(ValueError, match=r"shape \(8, 3\); expected \(row, column, 3\)"):
        plots.pca_picture(torch.ones(8, 3), ax=ax)
    with pytest.raises(ValueError, match=r"shape \(8, 2\)"):
        plots.pca_picture(torch.ones(8, 2), grid=GRID, ax=ax)


def test_missing_values_leave_gaps(ax):
    missing = np.full(2, np.nan)
    plots.depth_curve([1, 2], missing, error=(missing, missing), model="moco", ax=ax)
    plots.spectrum([[3.0, np.nan]], model="moco", depths=[5], ax=ax)
    ax.figure.canvas.draw()
    assert_allclose(ax.lines[1].get_ydata(), [3, np.nan])


def test_ranks_of_a_spectrum_are_whole(ax):
    plots.spectrum([[3.0, 2.0, 1.0], [2.0, 1.0, 0.0]], model="moco", ax=ax)
    assert all(tick == round(tick) for tick in ax.get_xticks())


def test_ranks_of_a_large_spectrum_stay_apart(ax):
    plots.spectrum([np.linspace(5, -5, 196)], model="moco", ax=ax)
    assert len([tick for tick in ax.get_xticks() if 0 <= tick <= 196]) <= 6
