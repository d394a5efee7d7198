"""Pictures: maps, clouds and components stand where they should."""

import jaxtyping
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ops import plots

GRID = (3, 5)


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_query_box_lies_on_its_patch_in_pixels_of_the_image_shown(ax):
    image = np.zeros((48, 160, 3))  # patches of 16 x 32 px
    weights = np.random.default_rng(0).random(GRID)
    assert plots.attention_map(image, weights, query=(2, 1), ax=ax) is ax
    box = ax.patches[0]
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (32, 32, 32, 16)
    np.testing.assert_array_equal(ax.images[-1].get_array(), weights)
    for picture in ax.images:
        assert tuple(picture.get_extent()) == (0, 160, 48, 0)


def test_map_without_photograph_or_query(ax):
    plots.attention_map(None, torch.eye(3), query=None, ax=ax)
    assert not ax.patches
    assert tuple(ax.images[0].get_extent()) == (0, 3, 3, 0)


def test_map_refuses_heads_and_queries_outside(ax, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match="choose image, head and query"):
        plots.attention_map(None, np.ones((2, 3, 3)), query=None, ax=ax)
    with pytest.raises(ValueError, match="not pixels"):
        plots.attention_map(None, np.ones(GRID), query=(16, 32), ax=ax)


def test_photograph_marks_and_names_queries(ax):
    plots.photograph(np.zeros((30, 50, 3)), queries={"A": (0, 0), "B": (2, 4)}, grid=GRID, ax=ax)
    assert [(box.get_x(), box.get_y()) for box in ax.patches] == [(0, 0), (40, 20)]
    assert [text.get_text() for text in ax.texts] == ["A", "B"]
    with pytest.raises(ValueError, match="without grid="):
        plots.photograph(np.zeros((30, 50, 3)), queries={"A": (0, 0)}, ax=ax)


def test_attention_maps_are_laid_out_line_by_line(ax):
    maps = np.random.default_rng(0).random((2, 3, *GRID))
    options = {"lines": ("depth", [1, 8]), "across": ("head", [0, 1, 2])}
    plots.attention_maps(np.zeros((30, 50)), maps, query=(1, 1), model="mini-mae", ax=ax, **options)
    cells = ax.child_axes
    for cell, values in zip(cells, maps.reshape(6, *GRID), strict=True):
        np.testing.assert_array_equal(cell.images[-1].get_array(), values)
    assert [cell.get_title() for cell in cells[:3]] == ["head 0", "head 1", "head 2"]
    assert (cells[0].get_ylabel(), cells[3].get_ylabel()) == ("depth 1", "depth 8")
    assert ax.get_title() == "mini-mae"
    with pytest.raises(ValueError, match="depths by heads"):
        plots.attention_maps(None, maps, query=None, model="a", lines=("depth", [1]), ax=ax)


@pytest.mark.parametrize("components", [2, 3])
def test_token_cloud_draws_both_clouds_and_their_centres(components):
    figure = plt.figure()
    before = np.random.default_rng(0).random((2, 7, components))
    ax = plots.token_cloud(before, before + 1, model="mini-moco", ax=None if components == 3 else figure.gca())
    assert len(ax.collections) == 8  # 2 images x (before, after) x (tokens, centre)
    if components == 2:
        np.testing.assert_allclose(ax.collections[0].get_offsets(), before[0])
        np.testing.assert_allclose(ax.collections[5].get_offsets(), [before[0].mean(0) + 1])
    with pytest.raises(ValueError, match="projection"):
        plots.token_cloud(before[..., :2], before[..., :2], model="a", ax=plt.subplot(projection="3d"))
    plt.close(figure)


def test_token_tsne_groups_by_class(ax):
    points = np.random.default_rng(0).random((3, 4, 2))
    plots.token_tsne(points, np.array([1, 0, 1]), classes=("cat", "dog"), model="mini-dino", ax=ax)
    np.testing.assert_allclose(ax.collections[1].get_offsets(), points[[0, 2]].reshape(-1, 2))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cat", "dog"]


def test_pca_picture_is_row_major_with_a_white_background(ax):
    values = np.linspace(0, 1, 45).reshape(15, 3)
    values[4] = np.nan
    plots.pca_picture(values, grid=GRID, model="mini-mae", ax=ax)
    shown = ax.images[0].get_array()
    np.testing.assert_array_equal(shown[1, 0], values[5])
    np.testing.assert_array_equal(shown[0, 4], [1, 1, 1])
    with pytest.raises(ValueError, match="scaling='unit'"):
        plots.pca_picture(values * 2, grid=GRID, model="a", ax=ax)
