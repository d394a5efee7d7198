"""Claims are honest tests: they can come out either way, on made-up evidence and on the miniatures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.__main__ import main
from experiments.claims import measurement
from experiments.claims.claim import Claim, Judged, judged
from experiments.claims.evidence import Evidence, Interval
from experiments.claims.list_of_claims import CLAIMS
from experiments.claims.run import REFUTED
from experiments.claims.statistics import everywhere_higher_in_mim, higher_in_cl, rises_more_in_cl, trained_gap
from experiments.claims.writing import as_lines
from experiments.settings import Settings

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
    rise = rises_more_in_cl("m")(evidence(cl, mim))
    expected = (cl[:, 2:].mean() - cl[:, :2].mean()) - (mim[:, 2:].mean() - mim[:, :2].mean())
    assert rise.value == pytest.approx(expected)


def test_everywhere_means_at_every_depth():
    cl, mim = np.zeros((20, 3)), np.ones((20, 3))
    mim[:, 1] = -0.5
    assert everywhere_higher_in_mim("m")(evidence(cl, mim)) == Interval(-0.5, -0.5, -0.5)


def test_a_single_image_decides_nothing():
    assert judged(claim(higher_in_cl("m")), evidence(np.ones((1, 4)), np.zeros((1, 4)))).answer == "undecided"


def test_without_probes_there_is_no_data():
    of_trainings = ("probe", "neighbours", "choosing", "fine", "high-frequency-noise", "shifted", "shape")
    names = [one.name for one in CLAIMS if one.name.startswith(of_trainings)]
    assert len(names) == 10 and len({one.name for one in CLAIMS}) == len(CLAIMS) == 25
    for one in CLAIMS:
        if one.name in names:
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
    assert [name for name, answer in answers.items() if answer == "no data"] == ["shape-bias"]
    for entry in entries:
        assert entry["answer"] == "no data" or entry["low"] <= entry["value"] <= entry["high"]


def test_swapped_models_change_the_answers(pair, tmp_path):
    swapped = {e["name"]: e["answer"] for e in run(tmp_path, "--cl", "mini-simmim", "--mim", "mini-moco")[1]}
    turned = {"holds": "does not hold", "does not hold": "holds"}
    one_sided = {"probe-rises", "probe-peaks-inside", "high-frequencies-everywhere"}
    for entry in pair[1]:
        if entry["name"] not in one_sided and entry["answer"] in turned:
            assert swapped[entry["name"]] == turned[entry["answer"]], entry["name"]


def test_nothing_holds_of_an_untrained_model_against_itself(tmp_path):
    answers = {
        entry["name"]: entry["answer"] for entry in run(tmp_path, "--cl", "mini-random", "--mim", "mini-random")[1]
    }
    assert "holds" not in answers.values()


def test_files_and_terminal(tmp_path, capsys, pair):
    folder = tmp_path / "out"
    assert main(["claims", "--images", "2", "--out", str(folder)]) in (0, REFUTED)
    said = capsys.readouterr().out
    assert "distance-late" in said and "25 claims:" in said
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
    statistic = trained_gap("frequency-noise", r"accuracy_drop@.*", more="mim", pooling="patches", last=True)
    assert statistic(given).value == pytest.approx(30)
    assert trained_gap("finetune", "accuracy", more="mim")(given) is None


def test_of_what_was_trained_the_intervals_count_both():
    ends = {"cl": (0.5, 0.4, 0.6), "mim": (0.7, 0.65, 0.8)}
    rows = [
        {
            "model": model,
            "command": "finetune",
            "head": "finetune",
            "metric": "accuracy",
            "value": v,
            "low": a,
            "high": b,
        }
        for model, (v, a, b) in ends.items()
    ]
    given = evidence(np.zeros((2, 2)), np.zeros((2, 2)), trained(rows=rows))
    assert trained_gap("finetune", "accuracy", more="mim")(given) == pytest.approx((20, 5, 40))
    assert trained_gap("finetune", "accuracy", more="cl")(given) == pytest.approx((-20, -40, -5))


def test_nothing_has_no_sign():
    line = as_lines([Judged(claim(higher_in_cl("m")), -0.0, -1e-9, 1e-9, "undecided")])
    assert "0.000 [0.000, 0.000]" in line and "-0" not in line
