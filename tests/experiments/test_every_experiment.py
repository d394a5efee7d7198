"""What every experiment must do, new ones included: the same figure without torch, and models of different grids."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys

import pytest

from experiments import drawing
from experiments.__main__ import main
from experiments.catalogue import EXPERIMENTS, STORED
from study.record import read_manifest
from tests.experiments._pictures import assert_same_picture
from tests.experiments.test_main import ROOT, WITHOUT_TORCH

COARSE = 40  # dots per inch: the same figure, sooner
MEASURED = [name for name in EXPERIMENTS if name not in STORED]
OF_DEPTHS = ("attention-maps", "token-transformation", "singular-spectra", "token-tsne", "pca")
"""Experiments that show the depths of --depths."""

REDRAW = (
    WITHOUT_TORCH[: WITHOUT_TORCH.rindex("sys.exit")]
    + f"""
import contextlib, io, json, traceback
import experiments.drawing
experiments.drawing.RESOLUTION = {COARSE}
said = {{}}
for folder in sys.argv[1:]:
    text = io.StringIO()
    with contextlib.redirect_stderr(text), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(["draw", folder])
        except Exception:
            traceback.print_exc()
    said[folder] = text.getvalue()
print(json.dumps(said))
"""
)


def run_all(out, *typed, names=("all",)):
    """Run experiments; returns why some were left out, by name."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said):
        patch.setattr(drawing, "RESOLUTION", COARSE)
        assert main(["run", *names, *typed, "--images", "2", "--out", str(out)]) == 0, said.getvalue()
    return dict(re.findall(r"^(\S+) is left out: (.+)$", said.getvalue(), flags=re.MULTILINE))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(folder of all experiments of their own models, why some are left out)."""
    out = tmp_path_factory.mktemp("own")
    return out, run_all(out)


@pytest.fixture(scope="module")
def redrawn(runs):
    """{folder: what went wrong} after redrawing all figures without torch; the old pictures are kept beside."""
    folders = [path for path in runs[0].iterdir() if path.is_dir()]
    for folder in folders:
        (folder / f"{folder.name}.png").rename(folder / "before.png")
    command = [sys.executable, "-c", REDRAW, *map(str, folders)]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def folder_of(name, runs):
    out, left_out = runs
    if name in left_out:
        pytest.skip(left_out[name])
    return out / name


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_redrawing_without_torch_gives_the_same_figure(name, runs, redrawn):
    folder = folder_of(name, runs)
    assert redrawn[str(folder)] == ""
    assert_same_picture(folder / f"{name}.png", folder / "before.png")
    assert (folder / f"{name}.pdf").stat().st_size > 1000


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_a_results_folder_says(name, runs):
    manifest = read_manifest(folder_of(name, runs) / "manifest.json")
    assert manifest["experiment"] == name and name in manifest["tables"]
    assert manifest["command"].startswith("python -m experiments run all")
    assert all(isinstance(note, str) for note in manifest["facts"].get("notes", ()))


@pytest.fixture(scope="module")
def mixed(golden, tmp_path_factory):
    """The same of two models of different grids, depths and image sizes."""
    file = golden / "checkpoints" / "simmim_vit" / "checkpoint.pth"
    out = tmp_path_factory.mktemp("mixed")
    return out, run_all(out, "--models", "mini-moco", str(file), "--num-heads", "4", names=MEASURED)


@pytest.mark.parametrize("name", MEASURED)
def test_models_of_different_grids_share_a_figure_or_are_refused(name, mixed):
    """Left out, alone or with its experiment, only for another reason, such as a decoder that a model does not have."""
    out, left_out = mixed
    if name in left_out:
        assert "grid" not in left_out[name] and "shape" not in left_out[name], left_out[name]
        assert not (out / name).exists()
        return
    facts = read_manifest(out / name / "manifest.json")["facts"]
    grids = {model: tuple(layout["grid"]) for model, layout in facts["layouts"].items()}
    for model, grid in {"mini-moco": (8, 8), "checkpoint.pth": (4, 4)}.items():
        assert grids.get(model) == grid or any(model in note for note in facts["notes"])
    assert (out / name / f"{name}.png").stat().st_size > 1000


@pytest.mark.parametrize("name", OF_DEPTHS)
def test_a_depth_that_a_model_lacks(name, tmp_path, capsys):
    typed = ["run", name, "--models", "mini-random", "--images", "2", "--depths", "3", "99"]
    assert main([*typed, "--out", str(tmp_path / "out")]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: --depths 99: mini-random has ") and "8" in last
    assert not (tmp_path / "out").exists()
