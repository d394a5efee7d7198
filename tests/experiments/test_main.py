"""The command line: results, redrawing, and every mistake told in one line."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from experiments import folder, running
from experiments.__main__ import main
from experiments.catalogue import EXPERIMENTS
from study.data import open_images
from study.record import read_manifest, read_table, write_manifest
from tests.experiments._pictures import assert_same_picture

ROOT = Path(__file__).parent.parent.parent
FILES = {
    "overview.png",
    "overview.pdf",
    "overview.csv",
    "overview_summary.csv",
    "attention_maps.csv",
    "photograph.png",
    "manifest.json",
}
WITHOUT_TORCH = """
import sys
class Hidden:
    finders = list(sys.meta_path)
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "timm", "torchvision", "sklearn", "einops"}:
            return None
        return next((spec for finder in self.finders if (spec := finder.find_spec(name, path, target))), None)
sys.meta_path = [Hidden()]
from experiments.catalogue import EXPERIMENTS
from experiments.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
NUMBERED = ("overview-now-2", "overview-now-3")


class Fixed:
    """A clock that stands."""

    @staticmethod
    def now() -> "Fixed":
        return Fixed()

    def __format__(self, form: str) -> str:
        return "now"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    made = tmp_path_factory.mktemp("results") / "new" / "run"
    options = ["--models", "mini-simmim", "mini-random", "--images", "3", "--out", str(made)]
    assert main(["run", "overview", *options]) == 0
    return made


def test_everything_is_written_and_nothing_else(results):
    assert {path.name for path in results.iterdir()} == FILES


def test_manifest_says_where_the_numbers_come_from(results):
    manifest = read_manifest(results / "manifest.json")
    images = open_images("sample", limit=3)
    assert manifest["images"]["names"] == list(images.names) and manifest["images"]["digest"] == images.digest
    card = (ROOT / "models" / "mini" / "simmim.safetensors").read_bytes()
    assert manifest["models"]["mini-simmim"]["sha256"] == hashlib.sha256(card).hexdigest()
    assert len(manifest["models"]["mini-random"]["parameters_sha256"]) == 64
    assert manifest["options"]["convention"] == "park2023" and manifest["arithmetic"]["tf32"] is False
    assert {"torch", "timm", "numpy", "python", "vit-anatomy"} <= manifest["versions"].keys()
    assert manifest["command"].startswith("python -m experiments run overview --models mini-simmim")


def test_drawing_prints_the_paths(results, capsys):
    assert main(["draw", str(results / "overview.csv")]) == 0
    assert capsys.readouterr().out.split() == [str(results / name) for name in ("overview.png", "overview.pdf")]


def test_no_command_is_run_overview(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--images", "2", "--models", "mini-moco"]) == 0
    (run,) = (tmp_path / "results").iterdir()
    assert run.name.startswith("overview-") and {path.name for path in run.iterdir()} == FILES
    out = capsys.readouterr().out
    assert "Mean over 2 images" in out and "Images per second: mini-moco" in out and f"{run.name}/overview.png" in out


def test_redrawing_gives_the_same_picture(results):
    before = matplotlib.image.imread(results / "overview.png")
    (results / "overview.png").unlink()
    assert main(["draw", str(results / "overview.csv")]) == 0
    np.testing.assert_array_equal(matplotlib.image.imread(results / "overview.png"), before)


def test_redrawing_takes_the_folder_or_one_that_holds_several(results, tmp_path, capsys):
    drawn = [str(results / name) for name in ("overview.png", "overview.pdf")]
    for place in (results, results.parent):
        assert main(["draw", str(place)]) == 0
        assert capsys.readouterr().out.split() == drawn
    assert main(["draw", str(tmp_path)]) == 1
    assert f"{tmp_path} holds no run: neither it nor a folder in it has a manifest.json" in capsys.readouterr().err


def test_redrawing_takes_a_folder_of_a_run_and_those_in_it_but_no_claims(results, tmp_path, capsys):
    places = (tmp_path, tmp_path / "inside")
    for place in places:
        shutil.copytree(results, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pdf"))
    claims = tmp_path / "judged"
    claims.mkdir()
    write_manifest({**read_manifest(results / "manifest.json"), "experiment": "claims"}, claims / "manifest.json")
    assert main(["draw", str(tmp_path)]) == 0
    drawn = capsys.readouterr().out.split()
    assert drawn == [str(place / f"overview.{kind}") for place in places for kind in ("png", "pdf")]


def test_results_are_replaced_only_when_asked(results, tmp_path, capsys):
    for path in results.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    again = ["run", "--models", "mini-random", "--images", "1", "--out", str(tmp_path)]
    assert main(again) == 1
    assert f"--out {tmp_path} holds the results of a run (manifest.json)" in (err := capsys.readouterr().err)
    assert "--overwrite" in err
    assert all((tmp_path / name).read_bytes() == (results / name).read_bytes() for name in FILES)
    assert main([*again, "--overwrite"]) == 0
    assert list(read_manifest(tmp_path / "manifest.json")["models"]) == ["mini-random"]


def test_a_failed_run_leaves_the_results_it_was_to_replace(results, tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    assert main(["run", "--models", "nothing", "--out", str(tmp_path), "--overwrite"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("out", [[], ["--out", "here/new/run"]])
def test_a_failed_run_leaves_no_folder_of_its_own(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert main(["run", "--models", "nothing", *out]) == 1
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]


def test_runs_of_one_second_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "RESULTS", tmp_path)
    first = folder.results_folder("overview", None, several=False)
    monkeypatch.setattr(folder, "datetime", Fixed)
    names = []
    for _ in range(3):
        names.append(folder.results_folder("overview", None, several=False))
        folder.made(names[-1:], overwrite=False)
    assert first.parent == tmp_path and [name.name for name in names] == ["overview-now", *NUMBERED]


def test_redrawing_follows_the_table(results, tmp_path):
    for path in results.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = pd.read_csv(tmp_path / "overview.csv", keep_default_na=False)
    table.assign(value=table["value"] * 2).to_csv(tmp_path / "overview.csv", index=False)
    assert main(["draw", str(tmp_path / "overview.csv")]) == 0
    assert (tmp_path / "overview.png").read_bytes() != (results / "overview.png").read_bytes()


def test_redrawing_without_the_values_per_image_gives_the_same_picture(results, tmp_path):
    for path in results.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "overview.png").unlink()
    (tmp_path / "overview.csv").unlink()
    assert main(["draw", str(tmp_path)]) == 0
    assert_same_picture(tmp_path / "overview.png", results / "overview.png")


def test_redrawing_needs_the_values_or_their_summary(results, tmp_path, capsys):
    for path in results.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "overview.csv").unlink()
    (tmp_path / "overview_summary.csv").unlink()
    assert main(["draw", str(tmp_path)]) == 1
    assert "overview.csv" in capsys.readouterr().err


def test_redrawing_without_torch_gives_the_same_picture(results, tmp_path):
    for path in results.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "overview.png").unlink()
    command = [sys.executable, "-c", WITHOUT_TORCH, "draw", str(tmp_path / "overview.csv")]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert_same_picture(tmp_path / "overview.png", results / "overview.png")


def test_own_images_and_a_broken_one(tmp_path, capsys):
    for index, mode in enumerate(("RGB", "L", "RGBA", "CMYK")):
        Image.new(mode, (40, 30 + index)).save(tmp_path / f"{index}.{'jpg' if mode == 'CMYK' else 'png'}")
    (tmp_path / "4.jpg").write_text("<html>")
    out = tmp_path / "out"
    assert main(["run", "--models", "mini-random", "--data", str(tmp_path), "--out", str(out)]) == 0
    assert "warning: 1 of 5 files" in capsys.readouterr().err
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["images"]["count"] == 4 and manifest["images"]["broken"][0][0] == "4.jpg"
    assert not read_table(out / "overview.csv")["value"].isna().any()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(tmp_path, dtype):
    options = ["--models", "mini-simmim", "--images", "2", "--dtype", dtype, "--out", str(tmp_path)]
    assert main(["run", *options]) == 0
    means = read_table(tmp_path / "overview_summary.csv", columns=()).set_index(["metric", "depth"])["mean"]
    assert 3 < means["distance", 4] < 6 and 0.4 < means["nmi", 4] < 0.6


def test_list(capsys):
    assert main(["list"]) == 0
    assert capsys.readouterr().out.startswith("overview  ")


MISTAKES = {
    "unknown experiment": (["run", "overveiw"], "unknown experiment 'overveiw'; did you mean overview or fourier?"),
    "unknown beside all": (["run", "all", "overveiw"], "unknown experiment 'overveiw'"),
    "unknown command": (["overveiw"], "invalid choice: 'overveiw'"),
    "experiment as command": (["pca", "--images", "2"], "type `python -m experiments run pca`"),
    "unknown model": (["run", "--models", "mini-mocco"], "mini-moco"),
    "missing file": (["run", "--models", "nowhere/weights.pth"], "nowhere/weights.pth"),
    "model twice": (["run", "--models", "mini-moco", "mini-moco"], "mini-moco is given twice"),
    "missing data": (["run", "--data", "nowhere"], "there is no folder or zip nowhere"),
    "one picture": (["run", "--data", "one.png"], "one.png is a single file; expected a folder or a zip"),
    "no images": (["run", "--data", "EMPTY"], "holds no images; accepted are files ending in .jpg"),
    "no device": (["run", "--device", "quantum"], "device quantum: expected auto, cpu, cuda or cuda:N"),
    "missing GPU": (["run", "--device", "cuda:99"], "use cpu"),
    "no number": (["run", "--images", "0"], "--images 0: expected at least 1"),
    "wrong type": (["run", "--images", "many"], "invalid int value: 'many'"),
    "unknown option": (["--modles", "x"], "--modles"),
    "missing table": (["draw", "nowhere.csv"], "nowhere.csv"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_one_line(mistake, tmp_path, monkeypatch, capsys):
    typed, complaint = MISTAKES[mistake]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    assert main([word.replace("EMPTY", "empty") for word in typed]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    assert complaint in err and "Traceback" not in err
    assert not (tmp_path / "results").exists()


def test_unwritable_folder_is_found_before_the_work(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(running, "open_images", lambda *_, **__: pytest.fail("the work had begun"))
    assert main(["run", "--out", str(tmp_path / "file" / "run")]) == 1
    assert "choose another folder with --out" in capsys.readouterr().err


def test_table_of_another_version_or_place(results, tmp_path, capsys):
    table = (results / "overview.csv").read_text()
    lone = tmp_path / "overview.csv"
    lone.write_text(table)
    assert main(["draw", str(lone)]) == 1
    assert "manifest.json is missing" in capsys.readouterr().err
    lone.write_text(table.replace(",1\n", ",0\n"))
    assert main(["draw", str(lone)]) == 1
    assert "has schema version 0" in capsys.readouterr().err


def test_as_a_program(tmp_path):
    command = [sys.executable, "-m", "experiments", "run", "nothing", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stdout == ""
    start, _, names = done.stderr.partition("; there are ")
    assert start == "error: unknown experiment 'nothing'" and names == f"{', '.join(EXPERIMENTS)} and all\n"
