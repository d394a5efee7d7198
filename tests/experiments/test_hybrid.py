"""The hybrid: lambda of the weights' cards, a plane of stored accuracies, two metrics measured from the weights."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import models
import ops
from experiments.__main__ import main
from experiments.measuring.lambdas import lambda_of, lambdas
from study.data import open_images
from study.record import read_manifest, read_table
from tests.experiments.stored._results import layers, line, results

ROOT = Path(__file__).parents[2]
NAMES = ("mini-simmim", "mini-hybrid", "mini-moco")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    layers(folder / "layers", {name: [0.2, 0.3 + 0.1 * place, 0.25 + 0.1 * place] for place, name in enumerate(NAMES)})
    for place, name in enumerate(NAMES[:2]):
        results(folder / f"finetune-{name}", "finetune", [line(name, 8, "patches", "finetune", 0.6 + 0.1 * place)])
    return folder


@pytest.fixture(scope="module")
def ran(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert main(["run", "hybrid", "--images", "3", "--probing", str(runs), "--out", str(out)]) == 0
    return out


def test_lambdas_of_the_cards():
    loaded = {name: models.load_model(name) for name in (*NAMES, "mini-mae", "mini-random")}
    found, unknown = lambdas(loaded)
    assert found == {"mini-simmim": 0.0, "mini-hybrid": 0.2, "mini-moco": 1.0}
    assert [note.split(":")[0] for note in unknown] == ["mini-mae", "mini-random"]


@pytest.mark.parametrize(("family", "expected"), [("mocov3", 1.0), ("simmim", 0.0), ("mae", None), ("dino", None)])
def test_lambdas_of_published_families(family, expected):
    model = torch.nn.Identity()
    model.passport = type("Passport", (), {"path": None, "family": family})()  # pyright: ignore
    assert lambda_of(model) == expected


def test_lambda_inside_a_checkpoint_of_our_own(tmp_path):
    recipe = "METHOD: hybrid\nHYBRID:\n  LAMBDA: 0.6\n"
    torch.save({"vit_anatomy": {"recipe": recipe}, "state_dict": {}}, tmp_path / "mine.pth")
    model = torch.nn.Identity()
    model.passport = type("Passport", (), {"path": tmp_path / "mine.pth", "family": "mini"})()  # pyright: ignore
    assert lambda_of(model) == 0.6


def test_plane_is_of_the_last_depth(ran):
    plane = read_table(ran / "plane.csv", columns=()).set_index(["model", "head"])["value"].to_dict()
    assert plane == pytest.approx(
        {(name, "linear"): 0.25 + 0.1 * place for place, name in enumerate(NAMES)}
        | {("mini-simmim", "finetune"): 0.6, ("mini-hybrid", "finetune"): 0.7}
    )
    notes = read_manifest(ran / "manifest.json")["facts"]["notes"]
    assert any(note.startswith("mini-moco has no results of `python -m probing finetune`") for note in notes)
    assert any("O11" in note for note in notes)


def test_measured_values_are_those_of_the_ops(ran):
    table = read_table(ran / "hybrid.csv")
    model, image = models.load_model("mini-hybrid"), open_images("sample", limit=3)[1]
    batch = models.image_transform(model)(image)[None]
    with models.tap(model) as trace, torch.inference_mode():
        model(batch)
    own = table[(table["model"] == "mini-hybrid") & (table["image"] == 1)]
    nmi = own[(own["metric"] == "nmi") & (own["depth"] == 5)].sort_values("head")["value"].to_numpy()
    expected = partial(ops.attention_nmi, convention="park2023")(trace.attention[4])[0]
    np.testing.assert_allclose(nmi, expected.numpy(), atol=1e-5)
    high = own[(own["metric"] == "delta_log_amplitude") & (own["depth"] == 5)]["value"].item()
    expected = ops.relative_log_amplitude(trace.after_mlp[4][:, 1:], grid=(8, 8))[0, -1].item()
    assert high == pytest.approx(expected, abs=1e-4)


def test_without_finetuning_the_panel_says_what_is_missing(tmp_path):
    from experiments.drawing import draw_folder
    from experiments.findings import read_findings
    from experiments.hybrid import draw
    from study.summary import summary

    folder = layers(tmp_path / "layers", {name: [0.2, 0.3] for name in NAMES[:1]})
    out = tmp_path / "out"
    typed = ["run", "hybrid", "--models", "mini-simmim", "--images", "1", "--probing", str(folder), "--out", str(out)]
    assert main(typed) == 0
    findings, _ = read_findings(out)
    words = " ".join(text.get_text() for text in draw(findings, summary(findings.tables["hybrid"])).axes[0].texts)
    assert "No fine-tuning: run" in words and "No linear probes" not in words
    assert len(draw_folder(out)) == 2
