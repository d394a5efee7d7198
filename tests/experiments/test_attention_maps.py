"""The experiment attention-maps: its maps against loops, its choices, and figures of models of every kind."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.text import Text

import models
from experiments.__main__ import main
from experiments.applicable import NotApplicable
from experiments.attention_maps import CLASS_TOKEN, attention_maps, draw, measure
from experiments.findings import read_findings
from experiments.settings import Settings
from study.data import open_images
from tests.study.test_data import make

CPU = torch.device("cpu")
PHOTOGRAPH = 8  # of 17, the flower


@pytest.fixture(scope="module")
def images():
    return open_images("sample")


@pytest.fixture(scope="module")
def loaded():
    untrained = models.load_model("test_vit3", pretrained=False)  # a register, no class token, 10 x 10 patches
    return {"mini-simmim": models.load_model("mini-simmim"), "test_vit3": untrained}


@pytest.fixture(scope="module")
def findings(loaded, images):
    return measure(loaded, images, Settings(), CPU)


def one_map(findings, model, depth, query):
    table = findings.tables["attention-maps"]
    rows = table[(table["model"] == model) & (table["depth"] == depth) & (table["query"] == query)]
    return rows.sort_values(["row", "col"])


@pytest.mark.parametrize("head", [None, 2])
@pytest.mark.parametrize(("query", "token"), [("on the flower", 1 + 4 * 8 + 3), (CLASS_TOKEN, 0)])
def test_maps_are_the_queries_weights_on_patches(loaded, images, head, query, token):
    model = loaded["mini-simmim"]
    found = measure({"mini-simmim": model}, images, Settings(head=head, depths=(5,)), CPU)
    with models.tap(model) as trace, torch.inference_mode():
        model(models.image_transform(model)(images[PHOTOGRAPH])[None])
    expected = np.zeros((8, 8))
    heads = range(3) if head is None else [head]
    for one in heads:
        weights = trace.attention[4][0, one, token].double().tolist()
        for patch in range(64):
            expected[patch // 8, patch % 8] += weights[1 + patch] / sum(weights[1:]) / len(heads)
    rows = one_map(found, "mini-simmim", 5, query)
    np.testing.assert_allclose(rows["value"].to_numpy().reshape(8, 8), expected, atol=1e-6)  # float32 weights
    assert set(rows["head"]) == {-1 if head is None else head}
    assert set(rows["query_row"]) == ({-1} if query == CLASS_TOKEN else {4})


def test_overviews_maps_are_the_same(findings, loaded, images):
    both = attention_maps(loaded, images).tables["attention_maps"]
    table = findings.tables["attention-maps"]
    assert set(both["query"]) == set(table["query"]) - {CLASS_TOKEN}
    np.testing.assert_array_equal(both["value"], table[table["query"] != CLASS_TOKEN]["value"])


def test_depths_are_spread_over_each_model(findings):
    assert findings.facts["depths"] == {"mini-simmim": [1, 3, 6, 8], "test_vit3": [1, 4, 6, 9]}
    assert findings.facts["photograph"] == "flower.jpg" and findings.facts["heads"]["mini-simmim"] == 3
    assert any("the only one shown of 17 images; mean over heads" in note for note in findings.facts["notes"])


def test_where_there_is_no_class_token_there_is_no_map_of_it(findings):
    table = findings.tables["attention-maps"]
    assert set(table[table["query"] == CLASS_TOKEN]["model"]) == {"mini-simmim"}
    assert findings.facts["without_class_token"] == ["test_vit3"]
    figure = draw(findings, None)
    assert "test_vit3: no class token" in [text.get_text() for text in figure.findobj(Text)]
    plt.close(figure)


def test_models_of_different_grids_and_depths_share_a_figure(findings):
    table = findings.tables["attention-maps"]
    assert set(table.groupby(["model", "depth", "query"]).size()) == {64, 100}
    assert table.groupby(["model", "depth", "query"])["value"].sum().to_numpy() == pytest.approx(1, abs=1e-6)
    figure = draw(findings, None)
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert {f"depth {depth}" for depth in (1, 3, 4, 6, 8, 9)} <= set(texts)
    assert sum(text.startswith("max ") for text in texts) == 2 * 8 + 4
    assert any("1/64 = 0.016\n1/100 = 0.01" in text for text in texts) and "1" in texts and "2" in texts
    plt.close(figure)


def test_words_instead_of_maps_leave_the_columns_alike(loaded, images):
    named = dict(zip(("mini-simmim", "a_model_of_a_long_name"), loaded.values()))
    figure = draw(measure(named, images, Settings(depths=(1, 3)), CPU), None)
    figure.draw_without_rendering()
    maps = [ax.get_window_extent().width for ax in figure.get_axes() if ax.get_xlabel().startswith("max ")]
    assert min(maps) > 0.9 * max(maps)
    plt.close(figure)


def test_every_map_has_its_own_scale_from_0(findings):
    only = {"mini-simmim": findings.facts["layouts"]["mini-simmim"]}
    depths = {"mini-simmim": [1, 3, 6, 8]}
    tables = {"attention-maps": findings.tables["attention-maps"].query("model == 'mini-simmim'")}
    facts = {**findings.facts, "layouts": only, "depths": depths}
    figure = draw(dataclasses.replace(findings, tables=tables, facts=facts), None)
    images = [ax.images[-1] for ax in figure.get_axes() if ax.get_xlabel().startswith("max ")]
    assert len(images) == 12 and all(image.norm.vmin == 0 for image in images)
    assert all(image.norm.vmax == image.get_array().max() for image in images)
    plt.close(figure)


def test_other_images_show_the_first_with_queries_in_centre_and_corner(tmp_path):
    data = make(tmp_path / "data", "b.png", "a.png")
    typed = ["run", "attention-maps", "--models", "mini-moco", "--data", str(data), "--depths", "2", "7"]
    assert main([*typed, "--out", str(tmp_path / "out")]) == 0
    findings, _ = read_findings(tmp_path / "out")
    assert findings.facts["photograph"] == "a.png" and findings.facts["depths"] == {"mini-moco": [2, 7]}
    assert list(dict.fromkeys(findings.tables["attention-maps"]["query"])) == [
        "in the centre",
        "in a corner",
        CLASS_TOKEN,
    ]


def test_a_head_or_depth_that_a_model_lacks(loaded, images):
    with pytest.raises(NotApplicable, match="--head 3: mini-simmim has 3 heads, numbered 0 to 2; choose one that all"):
        measure(loaded, images, Settings(head=3), CPU)
    with pytest.raises(NotApplicable, match="--depths 9: mini-simmim has 8 blocks, depths 1 to 8"):
        measure(loaded, images, Settings(depths=(1, 9)), CPU)
