"""`python -m probing layers` from pictures to table and figure."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from probing.__main__ import main
from probing.linear.probes import Probes
from probing.table import COLUMNS, read_results
from study.record import read_manifest
from tests.probing._images import folders

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folders(tmp_path_factory.mktemp("images"), train=10, test=6, noise=120)


@pytest.fixture(scope="module")
def out(images, tmp_path_factory):
    """Results of two models under every head."""
    out = tmp_path_factory.mktemp("results")
    typed = ["layers", "--model", "mini-simmim", "mini-random", "--data", str(images), "--out", str(out)]
    assert main([*typed, "--layers", "0", "8", "--heads", "knn", "linear", "abmilp", "--epochs", "4"]) == 0
    return out


def test_table_manifest_probes_and_figures(out):
    table = read_results(out)
    assert tuple(table.columns) == COLUMNS
    assert list(table["model"].unique()) == ["mini-simmim", "mini-random"]
    assert set(table["layer"]) == {0, 8} and set(table["head"]) == {"knn", "linear", "abmilp"}
    assert len(table) == 2 * 2 * (2 + 2 + 1) and (table["images"] == 18).all()
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert table["recipe"].str.len().min() > 10
    known = read_manifest(out / "probing.json")
    assert known["images"]["train"]["count"] == 30 and known["models"]["mini-simmim"]["parameters_sha256"]
    probes = Probes.load(out / "probes-mini-simmim.safetensors")
    assert probes.model == "mini-simmim" and len(probes.cells) == 4 and probes.norm == "none"
    assert (out / "depth.png").stat().st_size > 10_000 and (out / "grid.png").stat().st_size > 10_000
    assert not list(out.glob("*.pt"))


def test_the_cache_is_used_again(images, out, tmp_path, monkeypatch):
    from probing.features import extraction

    monkeypatch.setattr(extraction, "batches", None)  # a pass of the model would need it
    typed = ["layers", "--model", "mini-simmim", "--data", str(images), "--out", str(tmp_path)]
    assert main([*typed, "--cache", str(out / "features"), "--layers", "8", "--heads", "knn"]) == 0
    before, after = read_results(out), read_results(tmp_path)
    chosen = before[(before["model"] == "mini-simmim") & (before["layer"] == 8) & (before["head"] == "knn")]
    pd.testing.assert_frame_equal(after, chosen.reset_index(drop=True))


def test_results_of_another_command_are_not_replaced(images, out, capsys):
    typed = ["layers", "--model", "mini-simmim", "--data", str(images), "--out", str(out), "--heads", "knn"]
    before = (out / "probing.csv").read_bytes()
    assert main(typed) == 1
    assert "holds the results of another command (python -m probing layers --model" in capsys.readouterr().err
    assert (out / "probing.csv").read_bytes() == before


def test_what_is_finished_is_not_trained_again(images, out, monkeypatch):
    from probing.aggregation import steps
    from probing.linear import training

    monkeypatch.setattr(training, "BatchedProbes", None)
    monkeypatch.setattr(steps, "Training", None)
    before = read_results(out)
    typed = ["layers", "--model", "mini-simmim", "mini-random", "--data", str(images), "--out", str(out)]
    assert main([*typed, "--layers", "0", "8", "--heads", "knn", "linear", "abmilp", "--epochs", "4"]) == 0
    pd.testing.assert_frame_equal(read_results(out), before)


def test_drawn_again_without_torch(out):
    (out / "depth.png").unlink()
    hidden = "import sys; sys.modules['torch'] = None; from probing.__main__ import main; sys.exit(main(sys.argv[1:]))"
    found = subprocess.run(
        [sys.executable, "-c", hidden, "plot", str(out)], cwd=ROOT, env={**os.environ, "MPLBACKEND": "Agg"}
    )
    assert found.returncode == 0 and (out / "depth.png").exists()


def test_two_processes_give_the_table_of_one(images, out, tmp_path):
    typed = ["layers", "--model", "mini-simmim", "mini-random", "--data", str(images), "--out", str(tmp_path)]
    typed += ["--layers", "0", "8", "--heads", "knn", "linear", "abmilp", "--epochs", "4"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "probing"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    assert subprocess.run([*torchrun, *typed], cwd=tmp_path, env=environment).returncode == 0
    pd.testing.assert_frame_equal(read_results(tmp_path), read_results(out), rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (["--layers", "9"], "layer 9: there are 0 (the embedding) to 8"),
        (["--poolings", "patch"], "pooling 'patch'; expected one of"),
        (["--preset", "mea"], "unknown preset 'mea'; did you mean mae?"),
        (["--limit", "0"], "--limit 0: expected at least 1"),
        (["--heads", "svm"], "invalid choice: 'svm'"),
        (["--rates", "-1"], "expected factors above 0"),
        (["--data", "/nowhere"], "there is no folder or zip"),
        (["--model", "mini-moc"], "mini-moc"),
        (["--shots", "11"], "has only 10 training images"),
    ],
)
def test_complaints_are_one_line(images, tmp_path, capsys, changed, text):
    typed = ["layers", "--model", "mini-simmim", "--data", str(images), "--out", str(tmp_path), *changed]
    assert main(typed) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and text in said[0]


def test_commands_are_listed(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert "shape-bias" in said and "draw the figures" in said
    assert main(["presets"]) == 0
    assert "beyond-cls-v1" in capsys.readouterr().out
