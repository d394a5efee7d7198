"""The paper's curves in a figure: found when measuring, drawn faintly, the same without torch."""

import dataclasses
import os
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.__main__ import main
from experiments.catalogue import experiment
from experiments.findings import read_findings, summary_file
from study import published
from study.record import read_table
from tests.experiments._pictures import assert_same_picture
from tests.experiments.test_main import ROOT, WITHOUT_TORCH

MINI = "vit_mini_patch4_32.mocov3"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Runs in which the miniature and the photographs are taken for the paper's."""
    made = tmp_path_factory.mktemp("runs")
    known = [curve for curve in published.CURVES if curve.weights == ("vit_base_patch16_224.mocov3",)]
    pretended = tuple(dataclasses.replace(curve, weights=(MINI,)) for curve in known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "CURVES", pretended)
        patch.setattr(published, "_kind", lambda images: published.IMAGENETTE if images is not None else None)
        options = ["--models", "mini-moco", "mini-simmim", "--images", "2"]
        assert main(["run", "fourier", "attention-nmi", "overview", *options, "--out", str(made)]) == 0
        assert main(["run", "attention-nmi", "--convention", "exact", *options, "--out", str(made / "exact")]) == 0
    return made


def figure_of(folder):
    findings, _ = read_findings(folder)
    means = read_table(folder / summary_file(folder.name), columns=())
    return findings.facts, experiment(folder.name).draw(findings, means)


def faint(ax):
    return [line for line in ax.lines if line.get_linewidth() == 4]


@pytest.mark.parametrize(("name", "metric", "first"), [("fourier", "amplitude", -2.74), ("attention-nmi", "nmi", 0.06)])
def test_the_curve_stands_in_the_facts_and_in_the_figure(folders, name, metric, first):
    facts, figure = figure_of(folders / name)
    curve = facts["published"][metric]["mini-moco"]
    assert list(facts["published"][metric]) == ["mini-moco"] and curve["values"][0] == first
    assert curve["tolerance"] > 0 and "notebook" in curve["source"]
    (line,) = [line for ax in figure.get_axes() for line in faint(ax)]
    np.testing.assert_array_equal(line.get_ydata(), curve["values"])
    np.testing.assert_array_equal(line.get_xdata(), curve["positions"])
    assert line.get_label() == "MoCo-v3, Park et al. 2023, official notebook" and line.get_alpha() < 0.5
    assert f"read off to {metric} ±{curve['tolerance']:g}" in " ".join(figure.get_supxlabel().split())
    assert any(curve["source"] in note for note in facts["notes"])
    plt.close(figure)


def test_overview_shows_all_three(folders):
    facts, figure = figure_of(folders / "overview")
    assert list(facts["published"]) == ["distance", "nmi", "amplitude"]
    assert len([line for ax in figure.get_axes() for line in faint(ax)]) == 3
    plt.close(figure)


def test_another_convention_has_no_curve(folders):
    findings, _ = read_findings(folders / "exact")
    assert findings.facts["published"] == {} and findings.facts["notes"] == []


def test_of_other_weights_there_is_none(tmp_path):
    assert main(["run", "fourier", "--models", "mini-moco", "--images", "1", "--out", str(tmp_path)]) == 0
    assert read_findings(tmp_path)[0].facts["published"] == {}


@pytest.mark.parametrize("name", ["fourier", "overview"])
def test_redrawing_without_torch_keeps_the_curve(folders, name, tmp_path):
    for path in (folders / name).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / f"{name}.png").unlink()
    command = [sys.executable, "-c", WITHOUT_TORCH, "draw", str(tmp_path)]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert_same_picture(tmp_path / f"{name}.png", folders / name / f"{name}.png")
