"""Which interval counts as the widest: by the scale of its metric, or by its own mean on a logarithmic axis."""

import pandas as pd
import pytest
import torch

import models
from experiments.figures.depth_curves import Panel
from experiments.measuring.depth_experiment import depth_experiment
from experiments.measuring.precision import widest
from experiments.settings import Settings
from ops import attention_magnitudes
from study.data import open_images
from study.summary import summary

CPU = torch.device("cpu")


def rows(metric, means, halves):
    columns = {"metric": metric, "model": "m", "depth": range(1, len(means) + 1), "mean": means}
    table = pd.DataFrame(columns)
    return table.assign(low=table["mean"] - halves, high=table["mean"] + halves)


def test_small_means_count_on_a_logarithmic_axis_only():
    table = pd.concat([rows("magnitude", [10.0, -0.1], [0.5, 0.05]), rows("nmi", [0.4, 0.1], [0.004, 0.024])])
    usual = widest(table)
    assert (usual.metric, usual.depth, usual.scale) == ("nmi", 2, 0.4) and usual.share == pytest.approx(0.06)
    found = widest(table, logarithmic=["magnitude"])
    assert (found.metric, found.depth, found.scale) == ("magnitude", 2, 0.1) and found.share == pytest.approx(0.5)


def magnitude(before, after, branch, *, prefix, class_tokens):
    return attention_magnitudes(before, branch, prefix=prefix, class_tokens=class_tokens)["cls_magnitude"]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_the_panel_says_which(logarithmic):
    panel = Panel("magnitude", "Branch over stream", logarithmic=logarithmic)
    run, _ = depth_experiment("magnitude", "Magnitude", [panel], lambda settings: {"magnitude": magnitude})
    loaded = {"mini-simmim": models.load_model("mini-simmim")}
    findings = run(loaded, open_images("sample", limit=4), Settings(until_precise=1e-4), CPU)
    known, means = findings.facts["until_precise"]["widest"], summary(findings.tables["magnitude"]).set_index("depth")
    halves = (means["high"] - means["low"]) / 2
    scales = means["mean"] if logarithmic else means["mean"].max()
    assert known["depth"] == (halves / scales).idxmax()
    assert known["share"] == pytest.approx((halves / scales).max())
    assert halves.idxmax() != (halves / means["mean"]).idxmax()  # so that the two differ
