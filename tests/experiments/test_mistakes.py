"""Results that were damaged, and wishes that cannot be met: one line that says what is wrong and what to do."""

import dataclasses
import shutil

import pytest

from experiments.__main__ import main
from experiments.catalogue import CHOICES, EXPERIMENTS
from experiments.settings import Settings
from study.record import read_manifest, read_table, write_manifest
from tests.study.test_data import make


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Results of attention-maps: a table, a picture, a manifest."""
    made = tmp_path_factory.mktemp("results") / "run"
    assert main(["run", "attention-maps", "--models", "mini-random", "--depths", "1", "--out", str(made)]) == 0
    return made


@pytest.fixture
def results(whole, tmp_path):
    """A copy to damage."""
    return shutil.copytree(whole, tmp_path / "run")


def complaint(capsys, *typed):
    capsys.readouterr()
    assert main(list(typed)) == 1
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert out == "" and len(lines) == 1 and "Traceback" not in err
    return lines[0]


@pytest.mark.parametrize("length", [-3, -60])
def test_a_table_that_was_cut_off(results, length, capsys):
    table = results / "attention-maps.csv"
    text = table.read_text()
    table.write_text(text[:length])
    said = complaint(capsys, "draw", str(table))
    assert f"{table} has " in said and f"lines of the {text.count(chr(10))} that were written: it was cut off" in said


def test_a_table_that_was_cut_off_between_two_lines(results, capsys):
    table = results / "attention-maps.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:100]))
    assert "has 100 lines of the 193 that were written" in complaint(capsys, "draw", str(results))
    manifest = read_manifest(results / "manifest.json")
    del manifest["lines"]  # as the message says, for rows taken out on purpose
    write_manifest(manifest, results / "manifest.json")
    assert len(read_table(table, columns=())) == 99


def test_a_table_that_is_none(results, capsys):
    (results / "attention-maps.csv").write_bytes(b"\x00\xff" * 5000 + b"\n" * 500)
    assert "attention-maps.csv is no readable table" in complaint(capsys, "draw", str(results))


def test_a_table_of_an_older_version(results, capsys):
    table = results / "attention-maps.csv"
    table.write_text(table.read_text().replace(",1\n", ",0\n"))
    said = complaint(capsys, "draw", str(table))
    assert "has schema version 0, this program reads 1: make it again" in said


@pytest.mark.parametrize("results_of", ["manifest.json", "attention-maps.csv"])
def test_a_manifest_of_an_older_version(results, results_of, capsys):
    manifest = results / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 0', 1))
    typed = results if results_of == "manifest.json" else results / results_of
    assert f"{manifest} has schema version 0, this program reads 1" in complaint(capsys, "draw", str(typed))


def test_a_manifest_that_was_cut_off(results, capsys):
    manifest = results / "manifest.json"
    manifest.write_text(manifest.read_text()[:-20])
    assert f"{manifest} is no JSON" in (said := complaint(capsys, "draw", str(results))) and "cut off" in said


def test_a_picture_that_is_damaged_or_missing(results, capsys):
    (results / "photograph.png").write_bytes(b"nothing")
    assert "photograph.png" in complaint(capsys, "draw", str(results))
    (results / "photograph.png").unlink()
    assert "photograph.png" in complaint(capsys, "draw", str(results))


def test_what_is_no_table(results, capsys):
    assert "a table ends in .csv or .parquet, not in '.png'" in complaint(
        capsys, "draw", str(results / "attention-maps.png")
    )
    said = complaint(capsys, "draw", str(results / "nothing.csv"))
    assert f"there is no {results / 'nothing.csv'}: give the folder of a run, or a table in it" in said


def test_fewer_images_than_asked_for(tmp_path, capsys):
    data = make(tmp_path / "data", "a.png", "b.png")
    options = ["--models", "mini-random", "--data", str(data), "--depths", "1", "--out", str(tmp_path / "out")]
    assert main(["run", "attention-maps", *options, "--images", "5"]) == 0
    assert f"warning: --images 5: {data} holds 2; all of them are taken\n" in capsys.readouterr().err
    assert main(["run", "attention-maps", *options, "--images", "2", "--overwrite"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_neighbours_need_labels(tmp_path, capsys):
    data = make(tmp_path / "data", "a.png", "b.png")
    options = ["--models", "mini-random", "--data", str(data), "--overwrite", "--out", str(tmp_path / "out")]
    assert main(["run", "zoo", *options]) == 0
    said = capsys.readouterr().out
    assert f"zoo: k-NN accuracy is left out: {data} has no labels; give images in folders" in said
    assert not read_table(tmp_path / "out" / "zoo.csv")["metric"].str.startswith("knn").any()
    (tmp_path / "labels").write_text("cat\ndog\n")
    assert main(["run", "zoo", *options, "--labels", str(tmp_path / "labels")]) == 0
    assert "left out" not in capsys.readouterr().out
    assert read_table(tmp_path / "out" / "zoo.csv")["metric"].str.startswith("knn").any()
    assert main(["run", "zoo", *options, "--labels", str(tmp_path / "labels"), "--images", "1"]) == 0
    assert "k-NN accuracy is left out: it needs at least two images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["attention-maps", "--head", "3"], "--head 3: mini-random has 3 heads, numbered 0 to 2; choose one that all"),
        (["attention-maps", "--depths", "0"], "--depths 0: mini-random has 8 blocks, depths 1 to 8; choose depths"),
        (["atention-maps"], "unknown experiment 'atention-maps'; did you mean attention-maps"),
        (["fourier", "--labels", "nowhere.txt"], "cannot read the labels nowhere.txt (No such file or directory)"),
        (["fourier", "--convention", "mine"], "invalid choice: 'mine'"),
        (["fourier", "--head", "2"], "--head is of attention-maps: fourier does not look at it, leave it out"),
        (["zoo", "--relative", "--fit", "image"], "--fit is of pca; --relative is of singular-spectra: zoo does not"),
    ],
)
def test_wishes_that_cannot_be_met(typed, said, tmp_path, capsys):
    out = tmp_path / "out"
    assert said in complaint(capsys, "run", *typed, "--models", "mini-random", "--images", "1", "--out", str(out))
    assert not out.exists()


def test_options_that_are_of_use_to_none_of_several_are_told(tmp_path, capsys):
    typed = ["--models", "mini-random", "--images", "1", "--out", str(tmp_path)]
    assert main(["run", "attention-nmi", "attention-maps", "--head", "1", "--basis", "before", *typed]) == 0
    assert "of no use to these experiments: --basis is of token-transformation\n" in capsys.readouterr().err


def test_every_choice_is_an_option_and_of_experiments_that_exist():
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert fields >= CHOICES.keys()
    assert all(owners <= EXPERIMENTS.keys() for owners in CHOICES.values())
