"""Claims are honest tests: they can come out either way, on made-up evidence and on the miniatures."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from experiments.__main__ import main
from experiments.claims import measurement
from experiments.claims.claim import Claim, Judged, judged
from experiments.claims.evidence import Evidence
from experiments.claims.interval import Interval
from experiments.claims.list_of_claims import CLAIMS
from experiments.claims.run import REFUTED
from experiments.claims.spectra import (
    Spectra,
    images_widen_in_cl_alone,
    tokens_narrow_in_cl_alone,
    tokens_widen_in_mim_alone,
)
from experiments.claims.statistics import everywhere_higher_in_mim, falls_in_cl_alone, higher_in_cl, rises_in_cl_alone
from experiments.claims.trained import (
    best_inside,
    best_probe_gap,
    fine_tuned_gap,
    first_quarter,
    gain_of_choosing,
    last_layer,
    probe_gain,
    trained_gap,
)
from experiments.claims.writing import as_lines
from experiments.settings import Settings
from tests.models._tiny import saved, vit

PROBING = Path(__file__).parents[2] / "resources" / "results" / "probing"
FIELDS = {"name", "source", "value", "low", "high", "answer"}


def evidence(cl, mim, probes=None):
    """From (image, depth) arrays of one metric "m"."""
    rows = [
        {"model": model, "metric": "m", "image": image, "depth": depth + 1, "head": -1, "value": value}
        for model, values in (("cl", cl), ("mim", mim))
        for (image, depth), value in np.ndenumerate(values)
    ]
    return Evidence("cl", "mim", pd.DataFrame(rows), probes)


def claim(statistic):
    return Claim("name", "statement", "inequality", "source", statistic)


@pytest.mark.parametrize(
    ("shift", "answer"),
    [(1.0, "holds"), (-1.0, "does not hold"), (0.0, "undecided")],
    ids=["above", "below", "about 0"],
)
def test_answers(shift, answer):
    noise = np.random.default_rng(0).normal(size=(40, 4))
    assert judged(claim(higher_in_cl("m")), evidence(noise + shift, np.zeros((40, 4)))).answer == answer


def test_statistic_by_hand_and_paired():
    generator = np.random.default_rng(1)
    images = 10 * generator.normal(size=(30, 1))  # images differ much more than models do
    cl, mim = images + np.array([0.0, 0, 1, 2]), images + 0.1 * generator.normal(size=(30, 4))
    found = higher_in_cl("m")(evidence(cl, mim))
    assert found.value == pytest.approx((cl[:, 2:] - mim[:, 2:]).mean())
    assert found.high - found.low < 0.2  # unpaired it would be about 10


def test_halves_are_of_blocks_whether_or_not_the_embedding_has_a_value():
    cl, mim = np.arange(5.0)[None].repeat(3, 0), np.zeros((3, 5))  # depths 0 to 4
    given = evidence(cl, mim)
    given.table["depth"] -= 1
    assert higher_in_cl("m")(given).value == 3.5  # mean of depths 3 and 4
    assert given.curves("cl", "m").shape == (3, 5) and given.of_blocks("cl", "m").shape == (3, 4)


@pytest.mark.parametrize(
    ("cl", "mim", "value"),
    [
        ((110, 110, 60, 60), (110, 110, 20, 20), -50),  # falls, though less than the other
        ((0, 0, 2, 2), (0, 0, 5, 5), -3),  # rises, but less than the other
        ((0, 0, 5, 5), (0, 0, 2, 2), 3),
    ],
)
def test_a_rise_of_one_alone_is_its_own_and_more_than_the_others(cl, mim, value):
    curves = [np.array(curve, dtype=float)[None].repeat(6, 0) for curve in (cl, mim)]
    assert rises_in_cl_alone("m")(evidence(*curves)) == pytest.approx((value, value, value))
    fallen = [-curve for curve in curves]
    assert falls_in_cl_alone("m")(evidence(*fallen)).value == pytest.approx(value)


def test_everywhere_means_at_every_depth():
    cl, mim = np.zeros((20, 3)), np.ones((20, 3))
    mim[:, 1] = -0.5
    assert everywhere_higher_in_mim("m")(evidence(cl, mim)) == Interval(-0.5, -0.5, -0.5)


def test_where_it_leads_a_little_at_every_depth_it_is_not_refuted():
    """The bootstrap's own quantiles of a smallest value lie too low: they would refute most of these."""
    answers = []
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(100, 12))
        lead = judged(claim(everywhere_higher_in_mim("m")), evidence(np.zeros_like(noise), noise + 0.05))
        answers.append(lead.answer)
    assert answers.count("does not hold") <= 2
    beaten = evidence(np.zeros((100, 12)), np.random.default_rng(0).normal(size=(100, 12)) + np.eye(12)[3] * -0.6)
    assert judged(claim(everywhere_higher_in_mim("m")), beaten).answer == "does not hold"


def test_a_single_image_decides_nothing():
    assert judged(claim(higher_in_cl("m")), evidence(np.ones((1, 4)), np.zeros((1, 4)))).answer == "undecided"


def test_without_probes_there_is_no_data():
    of_trainings = ("probe", "neighbours", "choosing", "fine", "high-frequency-noise", "shifted", "shape")
    names = [one.name for one in CLAIMS if one.name.startswith(of_trainings)]
    assert len(names) == 12 and len({one.name for one in CLAIMS}) == len(CLAIMS) == 31
    of_spectra = [one.name for one in CLAIMS if one.name.endswith(("-narrow", "-widen"))]
    assert len(of_spectra) == 3
    for one in CLAIMS:
        if one.name in [*names, *of_spectra]:
            assert judged(one, evidence(np.ones((2, 4)), np.ones((2, 4)))).answer == "no data"


def run(tmp_path, *arguments):
    status = main(["claims", "--images", "4", "--out", str(tmp_path / "out"), "--convention", "exact", *arguments])
    return status, json.loads((tmp_path / "out" / "claims.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return run(tmp_path_factory.mktemp("pair"))


def test_miniatures(pair, tmp_path):
    status, entries = pair
    assert all(entry.keys() >= FIELDS for entry in entries) and len(entries) == len(CLAIMS)
    answers = {entry["name"]: entry["answer"] for entry in entries}
    assert answers["distance-late"] == answers["nmi-late"] == answers["probe-last"] == "holds"
    assert status == REFUTED and "does not hold" in answers.values()
    without = {name for name, answer in answers.items() if answer == "no data"}
    assert without == {"fine-tuning", "shape-bias"}  # small models, no such results
    for entry in entries:
        assert entry["answer"] == "no data" or entry["low"] <= entry["value"] <= entry["high"]


def test_swapped_models_change_the_answers(pair, tmp_path):
    swapped = {e["name"]: e["answer"] for e in run(tmp_path, "--cl", "mini-simmim", "--mim", "mini-moco")[1]}
    turned = {"holds": "does not hold", "does not hold": "holds"}
    of_one = {"probe-rises", "probe-peaks-inside"}
    of_several = {"high-frequencies-everywhere", "distance-rises", "nmi-collapses", "tokens-narrow", "tokens-widen"}
    for entry in pair[1]:
        name, answer = entry["name"], entry["answer"]
        if name not in of_one and answer in turned and not (name in of_several and answer == "does not hold"):
            assert swapped[name] == turned[answer], name


def test_nothing_holds_of_an_untrained_model_against_itself(tmp_path):
    answers = {
        entry["name"]: entry["answer"] for entry in run(tmp_path, "--cl", "mini-random", "--mim", "mini-random")[1]
    }
    assert "holds" not in answers.values()


def test_models_of_other_grids_or_without_class_token_are_judged_by_what_is_left(tmp_path, capsys):
    file = saved(vit(img_size=96, class_token=False, global_pool="avg").state_dict(), tmp_path / "other.pth")
    _, entries = run(tmp_path, "--mim", str(file), "--num-heads", "3")
    answers = {entry["name"]: entry["answer"] for entry in entries}
    of_the_grid = {"distance-late", "distance-rises", "nmi-last", "nmi-collapses", "high-frequencies-everywhere"}
    assert {answers[name] for name in (*of_the_grid, "class-token-to-itself", "class-token-unselective")} == {"no data"}
    assert "no data" not in (answers["heads-alike"], answers["tokens-alike-in-blocks"], answers["moves-in-unison"])
    for said in (capsys.readouterr().out, (tmp_path / "out" / "claims.md").read_text(encoding="utf-8")):
        assert "which is not the same: mini-moco: 8 x 8 patches of 4 px; other.pth: " in said
        assert "No data of class tokens: not both models have one." in said
        assert "Miniatures: mini-moco; no evidence for or against the published models." in said


def test_files_and_terminal(tmp_path, capsys, pair):
    folder = tmp_path / "out"
    assert main(["claims", "--images", "2", "--out", str(folder)]) in (0, REFUTED)
    said = capsys.readouterr().out
    assert "distance-late" in said and "31 claims:" in said
    assert {path.name for path in folder.iterdir()} == {"claims.json", "claims.md", "manifest.json"}
    assert "| distance-late |" in (folder / "claims.md").read_text(encoding="utf-8")
    assert main(["claims", "--images", "2", "--out", str(folder)]) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_probes_of_other_models_are_told(tmp_path, capsys):
    typed = ["claims", "--images", "2", "--mim", "mini-mae", "--probing", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(typed) == 1
    assert "probing.csv" in capsys.readouterr().err and not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match=r"deit has no results of `python -m probing layers`"):
        measurement.stored_results(Settings(models=("mini-moco", "deit"), probing=(PROBING,)))
    results, sources = measurement.stored_results(Settings(models=("deit",)))
    assert results.empty and sources == []


def trained(**values):
    """Results of both models: {(model, command, metric): value}, all with the same interval."""
    known = {"pooling": "patches", "head": "linear", "layer": 8, "low": 0.0, "high": 0.0}
    return pd.DataFrame([{**known, **row} for row in values["rows"]])


def test_of_what_was_trained_the_highest_band_counts():
    rows = [
        {"model": model, "command": "frequency-noise", "metric": f"accuracy_drop@{band}pi", "value": value}
        for model, drops in (("cl", {0.5: 0.9, 0.875: 0.1}), ("mim", {0.5: 0.2, 0.875: 0.4, 0.9: 0.0}))
        for band, value in drops.items()
    ]
    rows.append({**rows[-2], "layer": 4, "value": 0.0})
    given = evidence(np.zeros((2, 2)), np.zeros((2, 2)), trained(rows=rows))
    assert trained_gap("frequency-noise", r"accuracy_drop@.*", more="mim")(given).value == pytest.approx(30)
    assert trained_gap("shifted", "relative_accuracy", more="mim")(given) is None


def test_of_several_classifiers_the_probe_on_patches_of_the_last_layer_counts():
    def rows(pooling, head, values):
        return [
            {"model": model, "command": "shape-bias", "metric": "shape_bias", "pooling": pooling, "head": head}
            | {"layer": layer, "value": value}
            for model, of_model in values.items()
            for layer, value in zip((0, 4, 8), of_model, strict=True)
        ]

    token = rows("class_token", "linear", {"cl": (0.1, 0.2, 0.3), "mim": (0.5, 0.6, 0.7)})
    patches = rows("patches", "linear", {"cl": (0.1, 0.2, 0.7), "mim": (0.5, 0.6, 0.4)})
    statistic = trained_gap("shape-bias", "shape_bias", more="cl")
    flat = np.zeros((2, 2))
    assert statistic(evidence(flat, flat, trained(rows=token + patches))).value == pytest.approx(30)
    assert statistic(evidence(flat, flat, trained(rows=token))).value == pytest.approx(-40)
    own = [row for row in rows("-", "classifier", {"cl": (0, 0, 0.5), "mim": (0, 0, 0.2)}) if row["layer"] == 8]
    assert statistic(evidence(flat, flat, trained(rows=own))).value == pytest.approx(30)


def accuracies(command="layers", *, model, head="linear", pooling="patches", **values):
    """Rows of a model: accuracy by layer, as layer_0=..., all with an interval of 3 points to each side."""
    return [
        {"model": model, "command": command, "metric": "accuracy", "head": head, "pooling": pooling}
        | {"layer": int(layer.removeprefix("layer_")), "value": value, "low": value - 0.03, "high": value + 0.03}
        for layer, value in values.items()
    ]


def test_each_model_has_layers_of_its_own():
    deep = accuracies(model="cl", layer_0=0.1, layer_6=0.5, layer_12=0.6)
    deeper = accuracies(model="mim", layer_0=0.2, layer_12=0.05, layer_24=0.5, layer_18=0.55)
    given = evidence(np.zeros((2, 2)), np.zeros((2, 2)), trained(rows=deep + deeper))
    mine, its = ("cl", "linear", "patches"), ("mim", "linear", "patches")
    found = probe_gain((mine, last_layer), (its, last_layer))(given)
    assert found == pytest.approx((10, 10 - 3 * 2**0.5, 10 + 3 * 2**0.5))
    assert probe_gain((its, best_inside), (its, last_layer))(given).value == pytest.approx(5)
    assert probe_gain((its, first_quarter), (mine, first_quarter))(given).value == pytest.approx(5 - 10)
    token = accuracies(model="mim", pooling="class_token", layer_0=0.1, layer_24=0.7)
    best = best_probe_gap()(evidence(np.zeros((2, 2)), np.zeros((2, 2)), trained(rows=deep + deeper + token)))
    assert best.value == pytest.approx(60 - 70)


def test_choosing_is_read_where_its_figure_reads_it():
    chosen, token = {"head": "abmilp", "pooling": "tokens"}, {"pooling": "class_token"}
    rows = [
        *accuracies(model="cl", layer_8=0.6, **chosen),
        *accuracies(model="cl", layer_8=0.6, **token),
        *accuracies(model="mim", layer_4=0.9, layer_8=0.5, **chosen),
        *accuracies(model="mim", layer_8=0.3, **token),
    ]
    flat = np.zeros((2, 2))
    found = gain_of_choosing()(evidence(flat, flat, trained(rows=rows)))
    assert found == pytest.approx((20, 14, 26))
    better = [*accuracies("aggregate", model="mim", layer_8=0.4, **chosen)]
    better += accuracies("aggregate", model="mim", layer_8=0.3, **token)
    assert gain_of_choosing()(evidence(flat, flat, trained(rows=rows + better))).value == pytest.approx(10)


@pytest.mark.parametrize(("millions", "small", "large"), [(5, -10, None), (50, None, None), (86, None, 10)])
def test_fine_tuning_favours_one_or_the_other_by_size(millions, small, large):
    rows = [
        *accuracies("finetune", model="cl", head="finetune", layer_12=0.7),
        *accuracies("finetune", model="mim", head="finetune", layer_12=0.8),
    ]
    given = evidence(np.zeros((2, 2)), np.zeros((2, 2)), trained(rows=rows))
    given = dataclasses.replace(given, parameters={"cl": millions * 10**6, "mim": millions * 10**6})
    for more, size, expected in (("cl", "small", small), ("mim", "large", large)):
        found = fine_tuned_gap(more=more, size=size)(given)
        assert found is None if expected is None else found.value == pytest.approx(expected)


class Depth:
    """Stands for what a pass keeps of one depth."""

    def __init__(self, of_images, over_images, without):
        self._values = [torch.tensor(values, dtype=torch.float64) for values in (of_images, over_images, without)]

    def per_image(self):
        return self._values[0][:, None]

    def images(self):
        return self._values[1]

    def images_without_each_group(self):
        return self._values[2]


def spectra_evidence(cl, mim, ranks):
    """Last blocks of two models; the embedding's values are 0, and those between do not count."""
    start, between = Depth([0, 0, 0], [0, 0, 0], [[0, 0]] * 2), Depth([9.0] * 3, [9, 9, 9], [[9, 9, 9]] * 2)
    depths = {"cl": [start, between, Depth(*cl)], "mim": [start, between, Depth(*mim)]}
    return dataclasses.replace(evidence(np.zeros((3, 2)), np.zeros((3, 2))), spectra=Spectra(depths, ranks))


def test_spectra_from_the_embedding_to_the_last_block():
    cl, mim = ([-1, -2, -3], [4, 3, 2], [[4, 2], [4, 4]]), ([-1, 1, 6], [4, 1, 0], [[4, 1]] * 2)
    given = spectra_evidence(cl, mim, {"images": 2})
    assert tokens_narrow_in_cl_alone()(given).value == pytest.approx(2)  # falls by 2, the other rises by 2
    assert tokens_widen_in_mim_alone()(given).value == pytest.approx(2)
    assert tokens_narrow_in_cl_alone()(dataclasses.replace(given, mim="cl")).value == 0
    rise = images_widen_in_cl_alone()(given)
    error = (((2 - 3) ** 2 + (4 - 3) ** 2) / 2) ** 0.5  # (G - 1) / G times the sum of squares, of two groups
    assert rise.value == 2 and rise.low == pytest.approx(2 - 12.706 * error, rel=1e-4)
    assert images_widen_in_cl_alone()(spectra_evidence(cl, mim, {})) is None
    unknown = spectra_evidence(([-1, -2, np.nan], *cl[1:]), mim, {})
    assert tokens_narrow_in_cl_alone()(unknown) is None  # a third of the images has no such value


def test_nothing_has_no_sign():
    line = as_lines([Judged(claim(higher_in_cl("m")), -0.0, -1e-9, 1e-9, "undecided")])
    assert "0.000 [0.000, 0.000]" in line and "-0" not in line
