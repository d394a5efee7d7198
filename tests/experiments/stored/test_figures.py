"""Figures of stored results: the numbers drawn are those of the tables, and redrawing needs no torch."""

import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.legend import Legend

from experiments.__main__ import main
from experiments.catalogue import STORED, experiment
from experiments.settings import Settings
from study.record import read_manifest
from tests.experiments._pictures import assert_same_picture
from tests.experiments.stored._results import layers, line, passport, results
from tests.experiments.test_main import WITHOUT_TORCH

ROOT = Path(__file__).parents[3]
NAMES = ("mini-moco", "mini-simmim", "mini-mae", "mini-hybrid", "mini-supervised", "mini-random")
CURVES = {name: [0.25, 0.3 + 0.05 * place, 0.5 - 0.04 * place] for place, name in enumerate(NAMES)}
BANDS = ("0.1pi", "0.5pi", "0.9pi")
NOISE = {"epsilon": 0.7, "width": 0.1, "calibration": None, "notes": ["bands are uneven"]}


def drops(name, place):
    cells = [("patches", "linear"), ("class_token", "linear")]
    return [
        line(name, 8, pooling, head, value, metric)
        for pooling, head in cells
        for metric, value in [("accuracy", 0.5), *((f"accuracy_drop@{band}", 0.02 * place) for band in BANDS)]
    ]


def shifts(name, place):
    values = {"accuracy": 0.5, "accuracy_shifted": 0.4 - 0.04 * place, "relative_accuracy": 0.8 - 0.08 * place}
    return [line(name, 8, "patches", "linear", value, metric) for metric, value in values.items()]


def poolings(name, place):
    values = {"class_token": 0.5, "patches": 0.5 + 0.02 * place, "cp2": 0.4}
    rows = [line(name, 8, pooling, "linear", value) for pooling, value in values.items()]
    return [*rows, line(name, 8, "tokens", "abmilp", 0.6)]


def segmented(name, place):
    return [
        line(name, layer, "tokens", "dense_linear", 0.2 + 0.1 * layer - 0.03 * layer**2, "miou") for layer in range(4)
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Results of every command for six models."""
    folder = tmp_path_factory.mktemp("runs")
    layers(folder / "layers", CURVES)
    rows = {
        what: [row for place, name in enumerate(NAMES) for row in of_one(name, place)]
        for what, of_one in (
            ("frequency-noise", drops),
            ("shifted", shifts),
            ("aggregate", poolings),
            ("dense", segmented),
        )
    }
    iou = {
        name: {str(layer): {"ground": 0.9, "circle": 0.1 * layer, "rare": None} for layer in range(4)} for name in NAMES
    }
    results(folder / "noise", "frequency-noise", rows["frequency-noise"], noise=NOISE)
    results(folder / "shifted", "shifted", rows["shifted"], shift={"textures": "amplitude-swapped"})
    results(folder / "aggregate", "aggregate", rows["aggregate"])
    results(folder / "dense", "dense", rows["dense"], class_iou=iou, classes=["ground", "circle", "rare"])
    for place, name in enumerate(NAMES):
        results(folder / f"finetune-{name}", "finetune", [line(name, 8, "patches", "finetune", 0.6 + 0.02 * place)])
    return folder


def found(name, runs, models=()):
    return experiment(name).read(Settings(probing=(runs,), models=models))


def drawn(name, runs, models=()):
    """(figure, findings) of an experiment, drawn whole."""
    findings = found(name, runs, models)
    figure = experiment(name).draw(findings, None)
    figure.canvas.draw()
    return figure, findings


def below(figure):
    """The lines below a figure, as one."""
    return " ".join(figure.get_supxlabel().split())


def lines(ax):
    return {one.get_label(): one for one in ax.get_lines() if not str(one.get_label()).startswith("_")}


@pytest.mark.parametrize("name", sorted(STORED))
@pytest.mark.parametrize("models", [NAMES[:1], NAMES[:3], ()], ids=["one", "three", "all"])
def test_drawn_with_one_three_and_six_models(name, runs, models):
    figure, findings = drawn(name, runs, models)
    shown = list(models or NAMES)
    assert list(findings.facts["layouts"]) == shown == findings.facts["miniatures"]
    words = " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    assert all(model in words for model in shown)
    assert "no evidence for or against the published models" in words and "200 images (pictures.zip/test)" in words


def test_redrawn_from_their_folders_without_torch(runs, tmp_path):
    typed = ["run", *sorted(STORED), "--probing", str(runs), "--models", *NAMES[:2], "--out", str(tmp_path)]
    assert main(typed) == 0
    pictures = {name: tmp_path / name / f"{name}.png" for name in STORED}
    before = {name: path.rename(path.with_name("before.png")) for name, path in pictures.items()}
    draw_all = "sys.exit(max(main(['draw', folder]) for folder in sys.argv[1:]))"
    code = WITHOUT_TORCH.replace("sys.exit(main(sys.argv[1:]))", draw_all)
    command = [sys.executable, "-c", code, *(str(tmp_path / name) for name in STORED)]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    for name, path in pictures.items():
        assert_same_picture(path, before[name])
        manifest = read_manifest(path.parent / "manifest.json")
        assert manifest["experiment"] == name and manifest["facts"]["sources"]


def test_layer_probe_draws_the_curves_and_their_best_depths(runs):
    figure, findings = drawn("layer-probe", runs)
    (ax,) = figure.axes
    for model, curve in CURVES.items():
        assert lines(ax)[model].get_xydata().tolist() == [[layer, value] for layer, value in enumerate(curve)]
    rings = [
        one.get_xydata()[0].tolist() for one in ax.get_lines() if one.get_markersize() == 11 and len(one.get_xdata())
    ]
    assert rings == [[int(np.argmax(curve)), max(curve)] for curve in CURVES.values()]
    assert lines(ax)["chance, 25 %"].get_ydata()[0] == 0.25
    best = findings.tables["best"].set_index("model")
    assert best.loc["mini-moco", "layer"] == 2 and best.loc["mini-random", "layer"] == 1
    row = best.loc["mini-random"]  # 0.55 at layer 1, 0.30 at layer 2, a tenth wide each
    assert row[["behind", "behind_low", "behind_high"]].tolist() == pytest.approx(
        [0.25, 0.25 - 0.05 * 2**0.5, 0.25 + 0.05 * 2**0.5]
    )
    (said,) = [note for note in findings.facts["notes"] if "best at" in note]
    assert "depth 2 of 2 in mini-moco (50.0 %);" in said
    assert said.endswith("depth 1 of 2 in mini-random (55.0 %, the last 25.0 points below (more than its interval)).")


def test_layer_probe_of_a_single_layer(tmp_path):
    layers(tmp_path, {"mini-moco": [0.3]})
    with pytest.raises(ValueError, match="the results are of a single layer: probe with --layers all"):
        drawn("layer-probe", tmp_path)


def test_gains_are_differences_from_the_class_token(runs):
    figure, findings = drawn("aggregation", runs)
    gains = findings.tables["gains"].set_index(["model", "pooling"])
    rows = findings.tables["aggregation"].set_index(["model", "pooling"])
    for (model, pooling), gain in gains.iterrows():
        one, plain = rows.loc[(model, pooling)], rows.loc[(model, "class_token")]
        assert gain["value"] == pytest.approx(one["value"] - plain["value"])
        half = 0.05 * 2**0.5  # of two intervals a tenth wide
        assert (gain["value"] - gain["low"], gain["high"] - gain["value"]) == pytest.approx((half, half))
    assert len(gains) == 3 * len(NAMES)
    left, right = figure.axes
    points = right.containers[0].lines[0].get_xydata()
    names = [label.get_text() for label in left.get_yticklabels()]
    assert [names[round(y)] for y in points[:, 1]] == ["mean of patches", "central 2 x 2 patches", "AbMILP"]
    assert points[:, 0] == pytest.approx([0, -10, 10])
    assert "half-widths in quadrature" in below(figure)


def test_aggregation_falls_back_on_the_last_layer_of_layers(tmp_path):
    rows = [
        line("mini-moco", layer, pooling, "linear", 0.1 * layer)
        for layer in (1, 2)
        for pooling in ("class_token", "patches")
    ]
    results(tmp_path / "layers", "layers", [*rows, line("mini-moco", 2, "tokens", "abmilp", 0.5)])
    findings = found("aggregation", tmp_path)
    assert set(findings.tables["aggregation"]["layer"]) == {2} and findings.facts["sources"][0]["folder"].endswith(
        "layers"
    )
    assert findings.tables["gains"].set_index("pooling")["value"].to_dict() == pytest.approx(
        {"patches": 0, "tokens": 0.3}
    )


OTHERS = {"where": "others.zip/test", "count": 50, "digest": "o" * 64}


def test_results_of_two_commands_on_other_images_are_told(tmp_path):
    poolings = [line("mini-simmim", 1, pooling, "linear", 0.5) for pooling in ("class_token", "patches")]
    results(tmp_path / "aggregate", "aggregate", poolings)
    rows = [line("mini-moco", 1, pooling, "linear", 0.5) for pooling in ("class_token", "patches")]
    results(tmp_path / "layers", "layers", rows, images={"test": {**OTHERS, "classes": ["a", "b"]}})
    results(tmp_path / "tuned", "finetune", [line("mini-moco", 8, "patches", "finetune", 0.6)])
    for name in ("aggregation", "behaviour"):
        (said,) = [note for note in found(name, tmp_path).facts["notes"] if "not tested on the same images" in note]
        assert "50 of others.zip/test (" in said and "200 of pictures.zip/test (" in said
        below = " ".join(experiment(name).draw(found(name, tmp_path), None).get_supxlabel().split())
        assert said in below, "in the picture too"


def test_aggregation_prefers_its_own_command(runs):
    assert {row["folder"].split("/")[-1] for row in found("aggregation", runs).facts["sources"]} == {"aggregate"}


def test_noise_takes_points_and_says_its_size(runs):
    figure, findings = drawn("frequency-noise", runs, NAMES[:2])
    assert [ax.get_title() for ax in figure.axes] == [
        "Linear probe, mean of patches, layer 8",
        "Linear probe, class token, layer 8",
    ]
    curve = lines(figure.axes[0])["mini-simmim"]
    assert curve.get_xdata().tolist() == [0.1, 0.5, 0.9] and curve.get_ydata() == pytest.approx([-2, -2, -2])
    assert "ε = 0.7 on normalised input (not calibrated), bands 0.1π wide (O8)" in below(figure)
    assert "Bands are uneven." in findings.facts["notes"] and "Bands are uneven." in below(figure)
    assert any("clean: mini-moco 50.0 %, mini-simmim 50.0 %." in note for note in findings.facts["notes"])


def test_textures_say_that_they_are_not_stylized_imagenet(runs):
    figure, findings = drawn("shape-texture", runs, NAMES[:2])
    assert "this is not Stylized ImageNet (O7)" in below(figure)
    (ax,) = figure.axes
    kept = [text.get_text() for text in ax.texts if "%" in text.get_text()]
    assert kept[:2] == ["80 % (75 to 85)", "72 % (67 to 77)"]
    values = sorted(one.get_xdata()[0] for one in ax.get_lines() if len(one.get_xdata()) == 1)
    assert values == pytest.approx([36, 40, 50, 50])
    notes = findings.facts["notes"]
    assert (
        "Linear probe, mean of patches, layer 8: guessing would keep 50 % of the accuracy." in notes
    )  # a quarter of a half
    assert any(
        note.startswith("The panel of cue-conflict images is left out: mini-moco, mini-simmim") for note in notes
    )


def test_images_of_others_are_named(tmp_path):
    results(tmp_path, "shifted", shifts("mini-moco", 0), shift={"textures": None})
    assert "Shifted: 200 images of pictures.zip/test." in found("shape-texture", tmp_path).facts["notes"]


def test_cue_conflict_has_a_panel(runs, tmp_path):
    rows = [
        line("mini-moco", 8, "patches", "linear", 0.3, metric) for metric in ("shape_bias", "shape_bias@cat", "neither")
    ]
    results(tmp_path, "shape-bias", rows)
    figure = experiment("shape-texture").draw(
        experiment("shape-texture").read(Settings(probing=(runs, tmp_path), models=NAMES[:2])), None
    )
    assert len(figure.axes) == 2 and [tick.get_text() for tick in figure.axes[1].get_yticklabels()] == ["cat", "all"]
    alone, _ = drawn("shape-texture", tmp_path)
    assert len(alone.axes) == 1 and alone.get_suptitle() == "Shape or texture: 200 cue-conflict images"


def test_dense_shows_classes_of_the_best_layer(runs):
    figure, findings = drawn("dense-probe", runs, NAMES[:2])
    classes = findings.tables["classes"]
    assert classes.loc[classes["class"] == "circle", "value"].tolist() == pytest.approx([0.2, 0.2])
    assert classes.loc[classes["class"] == "rare", "value"].isna().all()
    assert set(findings.tables["best"]["layer"]) == {2}  # 0.2 + 0.1 l - 0.03 l^2 at 0 ... 3
    curve = lines(figure.axes[0])["mini-moco"].get_ydata()
    assert curve == pytest.approx([0.2, 0.27, 0.28, 0.23])


def test_dense_shows_the_classes_of_the_model_behind_an_alias(tmp_path):
    rows = [line(name, 0, "tokens", "dense_linear", 0.5, "miou") for name in NAMES[:2]]
    iou = {name: {"0": {"circle": 0.1 + 0.2 * place}} for place, name in enumerate(NAMES[:2])}
    results(tmp_path, "dense", rows, class_iou=iou, classes=["circle"])
    assert NAMES[1] == "mini-simmim"
    classes = found("dense-probe", tmp_path, ("vit_mini_patch4_32.simmim",)).tables["classes"]
    assert classes["value"].tolist() == pytest.approx([0.3])


def test_parameters_are_found_behind_an_alias(tmp_path):
    known = {**passport("mini-simmim"), "parameters": 1234}
    layers(tmp_path / "layers", {"mini-simmim": [0.1, 0.2]}, models={"mini-simmim": known})
    results(tmp_path / "tuned", "finetune", [line("mini-simmim", 8, "patches", "finetune", 0.6)])
    rows = found("behaviour", tmp_path, ("vit_mini_patch4_32.simmim",)).tables["behaviour"]
    assert rows["parameters"].tolist() == [1234, 1234]


def test_behaviour_takes_the_best_probe_and_leaves_out_sizes(runs):
    figure, findings = drawn("behaviour", runs)
    (ax,) = figure.axes
    points = {box.get_label(): box.lines[0].get_xydata()[0] for box in ax.containers}
    for place, name in enumerate(NAMES):
        assert points[name] == pytest.approx([100 * max(CURVES[name]), 60 + 2 * place])
    assert any("needs models of at least two sizes" in note for note in findings.facts["notes"])


@pytest.mark.parametrize("runs_of", ["one panel", "two panels"])
def test_the_legend_of_behaviour_shows_markers_alone(runs, monkeypatch, runs_of):
    from experiments.stored import probe_and_finetune

    if runs_of == "two panels":
        sizes = {name: 1_000_000 * (1 + place // 3) for place, name in enumerate(NAMES)}
        monkeypatch.setattr(probe_and_finetune, "_parameters", lambda *given: (sizes, []))
    figure, _ = drawn("behaviour", runs)
    (legend,) = figure.findobj(Legend)
    assert [text.get_text() for text in legend.get_texts()] == list(NAMES)
    assert not legend.findobj(LineCollection)  # the crosses
    assert [handle.get_marker() for handle in legend.legend_handles] == [
        box.lines[0].get_marker() for box in figure.axes[0].containers
    ]


def test_two_sizes_get_a_panel(runs, monkeypatch):
    from experiments.stored import probe_and_finetune

    sizes = {name: 1_000_000 * (1 + place // 3) for place, name in enumerate(NAMES)}
    monkeypatch.setattr(probe_and_finetune, "_parameters", lambda *given: (sizes, []))
    figure, findings = drawn("behaviour", runs)
    ax = figure.axes[1]
    assert findings.facts["sized"] == "finetune" and ax.get_ylabel() == "Fine-tuned, accuracy (%)"
    points = {box.get_label(): box.lines[0].get_xydata()[0] for box in ax.containers}
    assert points["mini-random"] == pytest.approx([2, 70]) and points["mini-moco"] == pytest.approx([1, 60])


def test_parameters_are_those_of_the_models(runs):
    import models

    rows = found("behaviour", runs, NAMES[:1]).tables["behaviour"]
    assert set(rows["parameters"]) == {float(sum(one.numel() for one in models.load_model("mini-moco").parameters()))}


def test_behaviour_without_finetuning_says_which_command(tmp_path, capsys):
    folder = layers(tmp_path / "layers", {"mini-moco": CURVES["mini-moco"]})
    assert main(["run", "behaviour", "--probing", str(folder), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert re.search(
        "mini-moco has no results of `python -m probing finetune` .* `python -m probing finetune --model mini-moco",
        said,
    )


def test_a_model_without_finetuning_is_named_below(runs, tmp_path):
    folder = layers(tmp_path / "more", {"mine": [0.1, 0.2]}, models={"mine": {"family": "x", "title": "X", "depth": 1}})
    findings = experiment("behaviour").read(Settings(probing=(folder, runs), models=("mini-moco", "mine")))
    figure = experiment("behaviour").draw(findings, None)
    assert "Not in the plane, for want of one of both: mine." in below(figure)
    assert (
        "mine: the results do not tell the number of parameters; run `python -m probing layers` again."
        in findings.facts["notes"]
    )


def test_the_papers_curve_stands_beside_its_own_weights_on_imagenet_only(tmp_path):
    from models.weights.registry import REGISTRY

    name, whole = "vit_base_patch16_224.mocov3", {"where": "imagenet-val:X", "count": 50_000, "digest": "i"}
    known = {"family": "mocov3", "title": "MoCo-v3", "depth": 12, "sha256": REGISTRY[name].sha256}
    images = {"test": {**whole, "classes": [str(number) for number in range(1000)]}}
    made = {"models": {name: known}, "images": images}
    layers(tmp_path / "imagenet", {name: [0.01 * layer for layer in range(13)]}, **made)
    figure, _ = drawn("layer-probe", tmp_path / "imagenet")
    (ax,) = figure.axes
    paper = lines(ax)["MoCo-v3, Park et al. 2023"]
    assert paper.get_xdata()[-1] == 12 and paper.get_ydata()[-1] == pytest.approx(0.717)
    published = found("layer-probe", tmp_path / "imagenet", ("moco",)).facts["published"]
    assert list(published) == ["moco"]  # as the rows call it, so that the figure gives both one colour
    layers(
        tmp_path / "two",
        {name: [0.1, 0.2], "mini-moco": [0.1, 0.2]},
        **{**made, "models": {**made["models"], "mini-moco": passport("mini-moco")}},
    )
    assert found("layer-probe", tmp_path / "two", ("mini-moco",)).facts["published"] == {}  # not asked for
    images["test"]["where"] = "mine"
    layers(tmp_path / "else", {name: [0.01 * layer for layer in range(13)]}, **made)
    assert found("layer-probe", tmp_path / "else").facts["published"] == {}
