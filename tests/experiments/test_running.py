"""Experiments that cannot be made of what is at hand: an error alone, left out among others."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from experiments import catalogue
from experiments.__main__ import main
from experiments.applicable import NotApplicable
from experiments.findings import Findings
from study.record import read_manifest


class Impossible:
    """Needs a model."""

    @staticmethod
    def measure(*given):
        raise NotApplicable("no decoder in mini-random: name an MAE")


class Broken:
    """Goes wrong as long as `reason` says why."""

    reason = ""

    @classmethod
    def measure(cls, *given):
        if cls.reason:
            raise OSError(cls.reason)
        return Findings({"broken": pd.DataFrame({"model": ["mini-random"], "value": 1.5})}, {}, {})

    @staticmethod
    def draw(findings, summary):
        return Figure()


class Stored:
    """A table without values per image."""

    @staticmethod
    def read(settings):
        return Findings({"stored": pd.DataFrame({"model": settings.models, "metric": "size", "value": 1.5})}, {}, {})

    @staticmethod
    def draw(findings, summary):
        assert summary is None
        return Figure()


@pytest.fixture
def known(monkeypatch):
    given = {"impossible": Impossible, "broken": Broken, "stored": Stored}
    monkeypatch.setattr(catalogue, "EXPERIMENTS", {**catalogue.EXPERIMENTS, **dict.fromkeys(given, "")})
    real = catalogue.experiment
    for module in (catalogue, "experiments.running", "experiments.drawing"):
        where = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{where}.experiment", lambda name: given.get(name) or real(name))
    monkeypatch.setattr("experiments.running.STORED", {"stored"})


def test_alone_it_is_an_error(known, tmp_path, capsys):
    assert main(["run", "impossible", "--images", "1", "--out", str(tmp_path / "out")]) == 1
    assert "error: no decoder in mini-random: name an MAE" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_among_others_it_is_left_out_and_told(known, tmp_path, capsys):
    assert main(["run", "impossible", "fourier", "--images", "1", "--out", str(tmp_path)]) == 0
    assert "impossible is left out: no decoder in mini-random: name an MAE" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["fourier"]


def test_one_that_goes_wrong_does_not_end_the_others(known, tmp_path, capsys, monkeypatch):
    typed = ["run", "broken", "attention-nmi", "--images", "1", "--models", "mini-random", "--out", str(tmp_path)]
    monkeypatch.setattr(Broken, "reason", "no space left")
    assert main(typed) == 1
    said = capsys.readouterr().err
    assert "error: broken: no space left" in said
    assert "error: 1 of 2 experiments went wrong, as said above: broken; the same command makes what is missing" in said
    assert [path.name for path in tmp_path.iterdir()] == ["attention-nmi"]
    monkeypatch.setattr(Broken, "reason", "")
    assert main(typed) == 0
    assert "attention-nmi: this command has finished it" in capsys.readouterr().out
    assert (tmp_path / "broken" / "broken.csv").exists()


def test_alone_of_several_left_to_do_it_is_still_left_out(known, tmp_path, capsys):
    typed = ["run", "impossible", "fourier", "attention-nmi", "--images", "1", "--out", str(tmp_path)]
    assert main(typed) == 0
    capsys.readouterr()
    assert main(typed) == 0  # as after a kill: those that are finished are not made again
    out, err = capsys.readouterr()
    assert out == "".join(f"{name}: this command has finished it, see {tmp_path / name}\n" for name in typed[2:4])
    assert "impossible is left out: no decoder" in err


def test_stored_results_need_neither_models_nor_images(known, tmp_path):
    assert main(["run", "stored", "--models", "of-somebody", "--data", "nowhere", "--out", str(tmp_path)]) == 0
    manifest = read_manifest(tmp_path / "manifest.json")
    assert manifest["options"]["models"] == ["of-somebody"] and manifest["tables"]["stored"][0] == "model"
    assert not (tmp_path / "stored_summary.csv").exists()
