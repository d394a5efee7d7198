"""The experiments over depth: what stands in their tables, against the functions called by hand, and what is drawn."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

import models
import ops
from experiments import cls_statistics, similarity
from experiments.applicable import NotApplicable
from experiments.catalogue import EXPERIMENTS, experiment
from experiments.figures.model_curve import legend_above, legend_columns
from experiments.measuring.differences import paired_differences
from experiments.settings import Settings
from models import image_transform, measure, tap
from study.data import open_images
from study.summary import summary
from tests.models._tiny import saved, vit

CURVES = ("attention-distance", "attention-nmi", "similarity", "fourier", "cls-statistics")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=3)


@pytest.fixture(scope="module")
def loaded():
    return {name: models.load_model(name) for name in ("mini-moco", "mini-simmim")}


@pytest.fixture(scope="module")
def found(loaded, images):
    """Findings of each experiment."""
    settings = Settings(convention="exact", batch_size=2)
    return {name: experiment(name).measure(loaded, images, settings, CPU) for name in CURVES}


@pytest.fixture(scope="module")
def trace(loaded, images):
    model = loaded["mini-simmim"]
    with torch.no_grad(), tap(model) as trace:
        model(torch.stack([image_transform(model)(images[index]) for index in range(3)]))
    return trace


def by_hand(name, trace, layer):
    attention, patches = trace.attention[layer], lambda tokens: tokens[:, 1:]
    outputs = trace.head_outputs[layer][:, :, 1:]
    joined = outputs.transpose(1, 2).flatten(2)
    before = trace.before_attention[layer] if layer else trace.embedding
    return {
        "attention_distance": lambda: ops.attention_distance(attention, grid=(8, 8), patch_size=4, convention="exact"),
        "attention_nmi": lambda: ops.attention_nmi(attention, convention="exact"),
        "heads": lambda: ops.head_similarity(outputs),
        "depths": lambda: ops.depth_similarity(patches(before), patches(trace.after_attention[layer])),
        "tokens_of_heads": lambda: ops.token_similarity(joined),
        "tokens_after_attention": lambda: ops.token_similarity(patches(trace.after_attention[layer])),
        "tokens_of_block": lambda: ops.token_similarity(patches(trace.after_mlp[layer])),
        "delta_log_amplitude": lambda: ops.relative_log_amplitude(patches(trace.after_mlp[layer]), grid=(8, 8))[
            ..., -1
        ],
        "cls_cls_attention": lambda: attention[:, :, 0, 0],
        "pos_magnitude": lambda: ops.attention_magnitudes(before, trace.attention_branch[layer])["pos_magnitude"],
    }[name]()


@pytest.mark.parametrize(
    ("experiment_name", "metric"),
    [
        ("attention-distance", "attention_distance"),
        ("attention-nmi", "attention_nmi"),
        *[("similarity", name) for name in ("heads", "depths", "tokens_of_heads", "tokens_after_attention")],
        ("similarity", "tokens_of_block"),
        ("fourier", "delta_log_amplitude"),
        ("cls-statistics", "cls_cls_attention"),
        ("cls-statistics", "pos_magnitude"),
    ],
)
@pytest.mark.parametrize("layer", [0, 5])
def test_values_are_those_of_the_functions(found, trace, experiment_name, metric, layer):
    table = found[experiment_name].tables[experiment_name]
    rows = table[(table["model"] == "mini-simmim") & (table["metric"] == metric) & (table["depth"] == layer + 1)]
    expected = by_hand(metric, trace, layer)
    values = rows.sort_values(["image", "head"])["value"].to_numpy()
    np.testing.assert_allclose(values, expected.flatten().numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CURVES)
def test_figures_are_drawn_from_the_findings(name, found, tmp_path):
    findings = found[name]
    means = summary(findings.tables[name])
    figure = experiment(name).draw(findings, means)
    axes = [ax for ax in figure.get_axes() if ax.lines]
    assert len(axes) == len(experiment(name).PANELS)
    for ax, panel in zip(axes, experiment(name).PANELS, strict=True):
        assert ax.get_ylabel() == panel.label and ax.get_xlabel() == "Depth"
        chosen = means[(means["metric"] == panel.metric) & (means["model"] == "mini-moco")].sort_values("depth")
        np.testing.assert_allclose(ax.lines[0].get_ydata(), chosen["mean"])
    said = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    assert "mini-moco" in said and "mini-simmim" in said
    figure.savefig(tmp_path / "figure.png")


def test_uniform_lines(found):
    findings = found["attention-distance"]
    figure = experiment("attention-distance").draw(findings, summary(findings.tables["attention-distance"]))
    (ax,) = [ax for ax in figure.get_axes() if ax.lines]
    assert any(np.allclose(line.get_ydata(), 16.55, atol=0.01) for line in ax.lines)


def test_the_legend_of_many_models_stays_inside_the_figure(found):
    findings, name = found["attention-distance"], "attention-distance"
    means, names = summary(findings.tables[name]), [f"mini-supervised-{number}" for number in range(6)]
    layout = findings.facts["layouts"]["mini-moco"]
    many = dataclasses.replace(findings, facts={**findings.facts, "layouts": dict.fromkeys(names, layout)})
    one = means[means["model"] == "mini-moco"]
    figure = experiment(name).draw(many, pd.concat([one.assign(model=model) for model in names]))
    figure.draw_without_rendering()
    (legend,) = [legend for legend in figure.findobj(Legend) if len(legend.get_texts()) == 7]
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width


def test_columns_of_a_legend_are_those_that_fit():
    labels = ["a" * 20, "b", "uniform attention on 8 x 8 patches", "d"]
    fitting = [legend_columns(labels, room) for room in range(1, 100)]
    assert fitting[0] == 1 and fitting[-1] == 4 and fitting == sorted(fitting)
    room = fitting.index(4) + 1
    figure = plt.figure(figsize=(room * 10 / 72, 3))  # letters of 10 points
    handles = [Line2D([], [], label=label) for label in labels]
    legend_above(figure, (handles, labels), figure.get_figwidth())
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert 0.9 * figure.bbox.width < box.width <= figure.bbox.width


def test_differences_are_paired(found):
    findings = found["attention-nmi"]
    table, gaps = findings.tables["attention-nmi"], findings.tables["differences"]
    assert set(gaps["model"]) == {"mini-simmim"} and set(gaps["against"]) == {"mini-moco"}
    per_image = table.groupby(["model", "depth", "image"])["value"].mean()
    expected = (per_image["mini-simmim"] - per_image["mini-moco"]).groupby("depth").mean()
    np.testing.assert_allclose(gaps.sort_values("depth")["mean"], expected)
    assert ((gaps["low"] <= gaps["mean"]) & (gaps["mean"] <= gaps["high"])).all()


def test_no_difference_of_one_model():
    row = {
        "model": "a",
        "depth": 1,
        "head": -1,
        "image": 0,
        "metric": "m",
        "component": -1,
        "convention": "",
        "value": 1.0,
    }
    assert paired_differences(pd.DataFrame([row])).empty


def test_a_table_without_the_metric_is_told(found):
    findings = found["fourier"]
    means = summary(findings.tables["fourier"]).assign(metric="other")
    with pytest.raises(ValueError, match="the table has no metric delta_log_amplitude; it has other"):
        experiment("fourier").draw(findings, means)


def test_they_are_listed():
    assert set(CURVES) <= set(EXPERIMENTS)


def test_models_without_a_class_token_are_left_out(loaded, images, tmp_path):
    bare = vit(class_token=False, global_pool="avg", fc_norm=False)
    file = saved(bare.state_dict(), tmp_path / "bare.pth")
    both = {"bare": models.load_model(file, num_heads=3), "mini-moco": loaded["mini-moco"]}
    findings = experiment("cls-statistics").measure(both, images, Settings(), CPU)
    assert set(findings.tables["cls-statistics"]["model"]) == set(findings.facts["layouts"]) == {"mini-moco"}
    assert "bare is left out: it has no class token" in findings.facts["notes"]
    with pytest.raises(NotApplicable, match="needs a class token, which is lacking in bare"):
        experiment("cls-statistics").measure({"bare": both["bare"]}, images, Settings(), CPU)


def test_maps_of_heads_by_hand():
    attention = torch.rand(2, 3, 5, 5, dtype=torch.float64).softmax(-1)
    maps = attention[:, :, 1:, 1:] / attention[:, :, 1:, 1:].sum(-1, keepdim=True)
    for image, found in enumerate(similarity.of_maps(attention, prefix=1)):
        flat = [head.flatten() for head in maps[image]]
        pairs = [torch.cosine_similarity(flat[a], flat[b], dim=0) for a in range(3) for b in range(a)]
        torch.testing.assert_close(found, torch.stack(pairs).mean())


def test_layer_scale_is_a_choice():
    model = vit(depth=1, init_values=0.1)
    images = torch.rand(2, 3, *model.patch_embed.img_size)
    with torch.no_grad():
        model.blocks[0].ls1.gamma.fill_(0.1)
    choices = [cls_statistics.metrics(Settings(layer_scale=scaled)) for scaled in (False, True)]
    raw, scaled = (measure(model, [images], chosen, progress=False).set_index("metric")["value"] for chosen in choices)
    for metric in ("cls_magnitude", "pos_magnitude"):
        np.testing.assert_allclose(scaled[metric] / raw[metric], 0.1, rtol=1e-4)
