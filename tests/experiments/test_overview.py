"""The overview's tables: against `ops` by hand, whatever the batches, for models of different grids."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.text import Text

import models
import ops
from experiments.figures.depth_panels import LABELS, depth_panels
from experiments.findings import Findings
from experiments.overview import draw, measure
from experiments.settings import Settings
from study.data import open_images
from study.loading import loaded_models, shown_names
from study.record import COLUMNS
from study.summary import summary

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=3)


@pytest.fixture(scope="module")
def findings(images) -> Findings:
    loaded = {name: models.load_model(name) for name in ("mini-simmim", "mini-random")}
    return measure(loaded, images, Settings(batch_size=2), CPU)


def test_values_are_those_of_ops(findings, images):
    model = models.load_model("mini-simmim")
    transform = models.image_transform(model)
    table = findings.tables["overview"]
    assert list(table.columns) == list(COLUMNS)
    for number, image in enumerate(images):
        with models.tap(model) as trace, torch.inference_mode():
            model(transform(image)[None])
        of_image = table[(table["model"] == "mini-simmim") & (table["image"] == number)].set_index("metric")
        for layer in (0, 5):
            rows = of_image[of_image["depth"] == layer + 1]["value"]
            tokens = trace.after_mlp[layer][:, 1:]
            expected = {
                "distance": ops.attention_distance(trace.attention[layer], grid=(8, 8), patch_size=4),
                "nmi": ops.attention_nmi(trace.attention[layer]),
                "token_similarity": ops.token_similarity(tokens),
                "delta_log_amplitude": ops.relative_log_amplitude(tokens, grid=(8, 8))[:, -1],
            }
            for metric, value in expected.items():
                close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)  # float32, other batch
                close(torch.tensor(np.ravel(rows[metric])).float(), value.flatten())


def test_depth_0_is_the_embedding_and_has_no_attention(findings):
    depths = findings.tables["overview"].groupby("metric", observed=True)["depth"].agg(["min", "max"])
    assert depths["min"].to_dict() == {"distance": 1, "nmi": 1, "token_similarity": 0, "delta_log_amplitude": 0}
    assert set(depths["max"]) == {8}


def test_batches_and_workers_do_not_matter(findings, images):
    loaded = {"mini-simmim": models.load_model("mini-simmim")}
    other = measure(loaded, images, Settings(batch_size=3, workers=1), CPU).tables["overview"]
    keys = [column for column in COLUMNS if column != "value"]
    first = findings.tables["overview"].query("model == 'mini-simmim'")
    both = [
        table.astype({"metric": str, "convention": str}).sort_values(keys, ignore_index=True)
        for table in (first, other)
    ]
    pd.testing.assert_frame_equal(*both, rtol=1e-5, atol=1e-5)  # float32, sums in another order


def test_attention_maps_are_shares_of_the_queries_attention(findings, images):
    table = findings.tables["attention_maps"]
    maps = table.groupby(["model", "depth", "query"])["value"]
    assert maps.ngroups == 2 * 4 * 2 and set(maps.size()) == {64}
    assert maps.sum().to_numpy() == pytest.approx(1, abs=1e-6)
    model = models.load_model("mini-simmim")
    photograph = images[images.names.index(findings.facts["photograph"])]
    with models.tap(model) as trace, torch.inference_mode():
        model(models.image_transform(model)(photograph)[None])
    row, col, query = table[["query_row", "query_col", "query"]].iloc[0]
    chosen = table[(table["model"] == "mini-simmim") & (table["depth"] == 8) & (table["query"] == query)]
    weights = trace.attention[7][0, :, 1 + row * 8 + col, 1:]
    expected = (weights / weights.sum(-1, keepdim=True)).mean(0)
    torch.testing.assert_close(torch.tensor(chosen["value"].to_list()), expected, rtol=1e-5, atol=1e-6)


def test_models_of_different_grids_depths_and_views_share_a_figure_golden(golden, images):
    files = [golden / "checkpoints" / name for name in ("simmim_vit/checkpoint.pth", "moco_v3_conv/checkpoint.pth.tar")]
    loaded = loaded_models(["mini-moco", *(str(file) for file in files if file.is_file())], num_heads=4)
    findings = measure(loaded, images, Settings(), CPU)
    assert len({tuple(layout["grid"]) for layout in findings.facts["layouts"].values()}) > 1
    figure = draw(findings, summary(findings.tables["overview"]))
    texts = " ".join(text.get_text() for text in figure.findobj(Text))
    assert all(name in texts for name in loaded) and "3 photographs" in texts
    assert "Miniatures: mini-moco; no evidence" in " ".join(texts.split())
    plt.close(figure)


@pytest.mark.parametrize(("names", "panels"), [(["mini-random"], 8), (["mini-random", "mini-simmim"], 16)])
def test_maps_say_what_uniform_attention_would_be(findings, names, panels):
    tables = {name: table[table["model"].isin(names)] for name, table in findings.tables.items()}
    facts = {**findings.facts, "layouts": {name: findings.facts["layouts"][name] for name in names}}
    figure = draw(Findings(tables, findings.pictures, facts), summary(tables["overview"]))
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert sum("Uniform attention: 1/64 = 0.016 everywhere" in text for text in texts) == 1
    assert sum(text.startswith("max ") for text in texts) == panels
    assert any("in the centre" in text for text in texts) and any("in a corner" in text for text in texts)
    plt.close(figure)


def test_curves_fill_their_panels_and_are_whole(findings):
    names = [
        f"a_model_of_a_long_name_{number}" for number in range(8)
    ]  # legends of panels that would take half of each
    table = findings.tables["overview"].query("model == 'mini-simmim'")
    means = pd.concat([summary(table).assign(model=name) for name in names])
    layouts = dict.fromkeys(names, findings.facts["layouts"]["mini-simmim"])
    figure, axes = plt.subplots(1, len(LABELS), figsize=(14, 3))
    depth_panels(axes, {**findings.facts, "layouts": layouts}, means, names)
    figure.draw_without_rendering()
    for ax in axes:
        bottom, top = ax.get_ylim()
        highest = max(np.max(line.get_ydata()) for line in ax.lines)
        highest = max([highest, *(band.get_datalim(ax.transData).y1 for band in ax.collections)])
        assert 0.01 < (top - highest) / (top - bottom) < 0.1
    plt.close(figure)


def test_files_are_called_by_as_much_of_their_path_as_is_needed(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "w.pth").touch()
    one, two = str(tmp_path / "a" / "w.pth"), str(tmp_path / "b" / "w.pth")
    assert shown_names([one, two, "moco"]) == ["a/w.pth", "b/w.pth", "moco"]
    assert shown_names([one, "moco"]) == ["w.pth", "moco"]
