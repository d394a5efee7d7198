"""What goes through all images goes on where it was stopped, and is the same from two processes as from one."""

import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from experiments.__main__ import main
from tests.experiments.measuring.test_together import ROOT, TORCHRUN, broken_after

EXPERIMENTS = ("singular-spectra", "fourier-decoder", "reconstruction", "token-transformation")
MODELS = ("mini-mae", "mini-simmim")
IMAGES = 21


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Noise on stripes of random width, 32 px."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number in range(IMAGES):
        stripes = (np.arange(32) // random.integers(1, 9)) % 2
        noise = random.integers(0, 80, size=(32, 32, 3))
        Image.fromarray((stripes[:, None, None] * 170 + noise).astype(np.uint8)).save(folder / f"{number:03}.png")
    return folder


def typed(names, pictures, out):
    options = ["--data", str(pictures), "--batch-size", "4", "--out", str(out), "--seed", "3"]
    return ["run", *names, "--models", *MODELS, *options]


@pytest.fixture(scope="module")
def unbroken(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken") / "runs"
    assert main(typed(EXPERIMENTS, pictures, out)) == 0
    return out


def tables(folder):
    return {path.relative_to(folder): path for path in sorted(folder.rglob("*.csv"))}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_stopped_and_resumed_equals_unbroken_to_the_bit(unbroken, pictures, tmp_path, monkeypatch, capsys, name):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        broken_after(patch, 4)
        assert main(typed([name], pictures, out)) == 1
    assert len(list(out.glob("parts/0*.npz"))) == 4
    capsys.readouterr()
    assert main(typed([name], pictures, out)) == 0
    said = capsys.readouterr()
    total = 6 if name == "fourier-decoder" else 12  # SimMIM has no decoder
    assert f"4 of {total} parts are there from a run that did not end; it goes on" in said.err
    assert "Images per second: " in said.out and not (out / "parts").exists()
    expected = tables(unbroken / name)
    assert expected and tables(out).keys() == expected.keys()
    for path, table in tables(out).items():
        assert table.read_bytes() == expected[path].read_bytes(), path
    for picture in out.glob("painted-*.png"):
        assert picture.read_bytes() == (unbroken / name / picture.name).read_bytes()


def test_two_processes_equal_one(unbroken, pictures, tmp_path):
    command = [*TORCHRUN, "-m", "experiments", *typed(EXPERIMENTS, pictures, tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = tables(unbroken)
    assert tables(tmp_path).keys() == expected.keys() and len(expected) >= 8
    for path, table in tables(tmp_path).items():
        pd.testing.assert_frame_equal(pd.read_csv(table), pd.read_csv(expected[path]), rtol=1e-6, obj=str(path))
    masked = (unbroken / "reconstruction" / "painted-1.png").read_bytes()
    assert (tmp_path / "reconstruction" / "painted-1.png").read_bytes() == masked
