import io
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from models import image_transform, load_model, tap, token_layout
from ops import plots
from study import open_images
from study.explorer import ALL_HEADS, attention_explorer
from study.field_of_view import as_seen
from study.query_maps import all_query_maps, patch_at, query_figure, query_maps, spread_depths


@pytest.fixture(scope="module")
def model():
    return load_model("mini-simmim")


@pytest.fixture(scope="module")
def wide():
    """Another grid, registers and heads: 2 x 3 patches of 16 px behind 5 prefix tokens."""
    torch.manual_seed(0)
    return load_model("vit_little_patch16_reg4_gap_256", pretrained=False, img_size=(32, 48))


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=3)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("query", [(0, 0), (2, 5), "class"])
def test_maps_are_rows_of_the_attention(model, images, query):
    maps = query_maps(model, images[0], query=query, depths=[2, 4])[4]
    assert maps.shape == (3, 8, 8)
    with torch.inference_mode(), tap(model) as trace:
        model(image_transform(model)(images[0])[None])
    row = trace.attention[3][0, :, 0 if query == "class" else 1 + 8 * query[0] + query[1], 1:]
    torch.testing.assert_close(maps.flatten(1), row / row.sum(dim=-1, keepdim=True))


def test_maps_of_depth_0(model, images):
    with pytest.raises(ValueError, match=r"depths=\[2, 0\]; expected 1 for the first block"):
        query_maps(model, images[0], query=(0, 0), depths=[2, 0])


def test_maps_on_a_grid_that_is_not_square(wide, images):
    maps = query_maps(wide, images[0], query=patch_at(wide, 0.9, 0.9), depths=[1])[1]
    assert maps.shape[1:] == token_layout(wide).grid == (2, 3)
    torch.testing.assert_close(maps.sum(dim=(1, 2)), torch.ones(len(maps)))


@pytest.mark.parametrize("name", ["model", "wide"])
def test_maps_of_all_queries_are_those_of_each(name, images, request):
    model, found = request.getfixturevalue(name), {}
    all_query_maps(model, images[0], depths=[1, 3], receive=found.__setitem__)
    rows, columns = token_layout(model).grid
    first = token_layout(model).class_tokens  # of the class token, where there is one
    assert [(depth, *maps.shape[1:]) for depth, maps in found.items()] == [
        (depth, first + rows * columns, rows, columns) for depth in (1, 3)
    ]
    places = {first: (0, 0), first + columns + 2: (1, 2)} | ({0: "class"} if first else {})
    for number, query in places.items():
        maps = query_maps(model, images[0], query=query, depths=[3])[3]
        torch.testing.assert_close(found[3][:, number], maps)


def test_figure_of_all_heads_and_of_one(model, images):
    titles = [ax.get_title() for ax in query_figure(model, images[0], name="m", query=(1, 2), depth=2).axes]
    assert titles[:5] == ["photograph", "head 0", "head 1", "head 2", "mean of heads"]
    one = query_figure(model, images[0], name="m", query=(1, 2), depth=2, head=1)
    assert [ax.get_title() for ax in one.axes][:3] == ["photograph", "head 1", "mean of heads"]
    assert one.get_suptitle() == "m, depth 2"


def test_figure_of_a_head_that_is_not_there(model, images):
    with pytest.raises(ValueError, match="head=3: m has 3 heads, numbered 0 to 2"):
        query_figure(model, images[0], name="m", query=(1, 2), depth=2, head=3)


@pytest.mark.parametrize(
    ("down", "right", "patch"), [(0, 0, (0, 0)), (1, 1, (1, 2)), (0.5, 0.34, (1, 1)), (0.4, 0.7, (0, 2))]
)
def test_patch_at(wide, down, right, patch):
    assert patch_at(wide, down, right) == patch


def test_patch_at_outside(wide):
    with pytest.raises(ValueError, match=r"down=1\.5, right=0; expected shares from 0"):
        patch_at(wide, 1.5, 0)


@pytest.mark.parametrize(("count", "depths"), [(1, [1]), (2, [1, 8]), (5, [1, 3, 4, 6, 8]), (99, list(range(1, 9)))])
def test_spread_depths(model, count, depths):
    assert spread_depths(model, count) == depths


@pytest.mark.parametrize(("depth", "depths"), [(1, [1]), (2, [1, 2]), (8, [1, 3, 6, 8]), (12, [1, 5, 8, 12])])
def test_four_depths_of_models_of_any_depth(depth, depths):
    assert spread_depths(SimpleNamespace(passport=SimpleNamespace(depth=depth)), 4) == depths


def test_as_seen_is_what_the_model_sees(model, images):
    transform, config = image_transform(model), model.pretrained_cfg
    for image in (images[0], Image.linear_gradient("L").resize((300, 200)).convert("RGB")):
        seen = as_seen(image, model)
        assert seen.shape == (224, 224, 3)
        assert seen.dtype == np.uint8
        small = np.asarray(Image.fromarray(seen).resize((32, 32), Image.Resampling.BOX)) / 255
        pixels = plots.image_array(transform(image), config["mean"], config["std"])
        assert np.abs(small - pixels).mean() < 0.03  # two ways of making an image smaller


def test_as_seen_keeps_the_shape_of_the_model(wide, images):
    assert as_seen(images[0], wide, side=64).shape == (64, 96, 3)
    assert as_seen(images[0], wide, side=8).shape == (32, 48, 3)


@pytest.fixture
def explorer(model, wide, images):
    widget = attention_explorer({"mini-simmim": model, "wide": wide}, images)
    controls = {control.description: control for box in widget.children[:-1] for control in box.children}
    return controls, widget.children[-1]


def test_explorer_draws_at_once_and_anew_at_every_change(explorer):
    controls, picture = explorer
    assert Image.open(io.BytesIO(picture.value)).width > 300
    seen = [picture.value]
    for name, value in (("image", 1), ("depth", 2), ("head", 1), ("row", 0), ("column", 7)):
        controls[name].value = value
        assert picture.value != seen[-1], name
        seen.append(picture.value)


def test_explorer_fits_its_ranges_to_the_model(explorer):
    controls, picture = explorer
    assert (controls["row"].max, controls["column"].max, controls["depth"].max) == (7, 7, 8)
    assert list(controls["head"].options) == [ALL_HEADS, 0, 1, 2]
    controls["row"].value, controls["column"].value, before = 7, 7, picture.value
    controls["model"].value = "wide"
    assert (controls["row"].max, controls["column"].max) == (1, 2)
    assert (controls["row"].value, controls["column"].value) == (1, 2)
    assert controls["depth"].max == 14
    assert len(controls["head"].options) == 1 + 5
    assert picture.value != before
    before, controls["head"].value = picture.value, 4
    assert controls["head"].index == 5  # what the browser sees
    assert picture.value != before
    assert not plt.get_fignums()


def test_explorer_without_models(images):
    with pytest.raises(ValueError, match="no models"):
        attention_explorer({}, images)
