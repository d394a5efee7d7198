import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

import ops
from models import load_model
from study import open_images
from study.comparison import comparison
from study.depth_curves import depth_curves
from study.image_spectra import image_spectra
from study.patch_tokens import patch_tokens
from study.record import COLUMNS
from study.token_change import spread_change


@pytest.fixture(scope="module")
def loaded():
    return {name: load_model(name) for name in ("mini-simmim", "mini-random")}


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=5)


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_comparison_has_every_model_and_the_columns_of_a_record(loaded, images):
    table = comparison(loaded, images, {"nmi": ops.attention_nmi, "similarity": ops.token_similarity})
    assert tuple(table.columns) == COLUMNS
    assert list(table["model"].unique()) == list(loaded)
    assert set(table["image"]) == set(range(5))


def test_comparison_does_not_depend_on_the_batches(loaded, images):
    tables = [comparison(loaded, images, {"distance": ops.attention_distance}, batch_size=size) for size in (2, 5)]
    pd.testing.assert_frame_equal(*tables, rtol=1e-5)  # float32


def test_comparison_of_some_layers(loaded, images):
    table = comparison(loaded, images, {"nmi": ops.attention_nmi}, layers=[3])
    assert set(table["depth"]) == {4}


def test_no_models(images):
    with pytest.raises(ValueError, match=r"no models: pass \{name: model\}"):
        comparison({}, images, {"nmi": ops.attention_nmi})


def test_depth_curves_draw_the_mean_of_each_model(loaded, images, ax):
    table = comparison(loaded, images, {"distance": ops.attention_distance})
    assert depth_curves(table, "distance", ylabel="px", ax=ax) is ax
    lines = {line.get_label(): line for line in ax.lines}
    for name in loaded:
        mean = table[table["model"] == name].groupby("depth")["value"].mean()
        assert lines[name].get_xdata().tolist() == list(range(1, 9))
        assert lines[name].get_ydata() == pytest.approx(mean.to_numpy(), rel=1e-6)
    assert ax.get_ylabel() == "px"
    assert len(ax.collections) == len(loaded)  # a band each


def test_depth_curves_of_one_image_have_no_band(loaded, ax):
    table = comparison(loaded, open_images("sample", limit=1), {"variance": ops.featuremap_variance})
    depth_curves(table, "variance", ylabel="", ax=ax)
    assert not ax.collections


@pytest.mark.parametrize(("component", "expected"), [(-1, 3), (1, 1)])
def test_depth_curves_of_one_component(loaded, images, ax, component, expected):
    table = comparison(loaded, images, {"amplitude": ops.relative_log_amplitude})
    depth_curves(table, "amplitude", component=component, ylabel="", ax=ax)
    rows = table[(table["model"] == "mini-simmim") & (table["component"] == expected)]
    assert ax.lines[0].get_ydata() == pytest.approx(rows.groupby("depth")["value"].mean().to_numpy())


def test_depth_curves_refuse_what_is_not_there(loaded, images, ax):
    table = comparison(loaded, images, {"amplitude": ops.relative_log_amplitude})
    with pytest.raises(ValueError, match="metric='nmi' is not in the table; it has amplitude"):
        depth_curves(table, "nmi", ylabel="", ax=ax)
    with pytest.raises(ValueError, match="several components: choose one"):
        depth_curves(table, "amplitude", ylabel="", ax=ax)
    with pytest.raises(ValueError, match="component=9: amplitude has none of this number"):
        depth_curves(table, "amplitude", component=9, ylabel="", ax=ax)


def test_the_published_curve_is_drawn_beside_its_own_model_only(loaded, images, ax):
    table = comparison(loaded, images, {"nmi": ops.attention_nmi})
    depth_curves(table, "nmi", ylabel="", images="imagenette", ax=ax)
    assert len(ax.lines) == 2
    depth_curves(
        table.assign(model=table["model"].replace("mini-simmim", "moco")), "nmi", ylabel="", images="imagenette", ax=ax
    )
    assert len(ax.lines) == 2 + 3


def test_spread_change_as_a_metric(loaded, images):
    table = comparison(loaded, images, {"change": spread_change}, batch_size=5)
    assert set(table["metric"]) == {"within", "between"}
    assert table["value"].between(0.5, 2).all()


def test_spread_change_of_scaled_tokens():
    tokens = torch.randn(3, 6, 4)
    grown = spread_change(tokens, 2 * tokens + 1)
    torch.testing.assert_close(grown["within"], torch.full((3,), 2.0))
    torch.testing.assert_close(grown["between"], torch.full((3,), 2.0))
    apart = spread_change(tokens, tokens + torch.tensor([0.0, 50.0, -70.0])[:, None, None])  # each image as one
    torch.testing.assert_close(apart["within"], torch.ones(3), rtol=1e-4, atol=0)
    assert (apart["between"] > 5).all()


def test_image_spectra_against_all_tokens_at_once(loaded, images):
    model = loaded["mini-simmim"]
    spectra = image_spectra(model, images, batch_size=2)
    assert spectra.shape == (9, 4)
    numbers = range(len(images))
    for depth in (0, 1, 8):
        point = "before_attention" if depth == 0 else "after_mlp"
        tokens = patch_tokens(model, images, numbers, depth=max(depth, 1), point=point)
        expected = ops.singular_spectrum(tokens.double().mean(dim=1))
        torch.testing.assert_close(spectra[depth], expected, rtol=1e-4, atol=1e-4)  # float32 forward, other batches


def test_patch_tokens_are_those_of_the_block(loaded, images):
    model = loaded["mini-simmim"]
    after = patch_tokens(model, images, [2, 0], depth=1)
    assert after.shape == (2, 64, 96)
    torch.testing.assert_close(after, patch_tokens(model, images, [2, 0], depth=2, point="before_attention"))
    assert not torch.equal(after, patch_tokens(model, images, [2, 0], depth=1, point="after_attention"))
    torch.testing.assert_close(after[1:], patch_tokens(model, images, [0], depth=1), rtol=1e-5, atol=1e-5)


def test_patch_tokens_at_depth_0(loaded, images):
    with pytest.raises(ValueError, match="depth=0; expected 1 for the first block"):
        patch_tokens(loaded["mini-random"], images, [0], depth=0)


def test_image_spectra_of_one_image(loaded):
    with pytest.raises(ValueError, match="at least 2"):
        image_spectra(loaded["mini-random"], open_images("sample", limit=1))
