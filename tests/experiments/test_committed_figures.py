"""The committed figures are drawn from the tables that stand beside them, and none is missing in the README."""

from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.catalogue import EXPERIMENTS
from study.record import read_manifest

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "resources" / "results" / "figures"


def test_every_experiment_is_in_the_gallery():
    folders = {path.name for path in FIGURES.iterdir()}
    assert folders == EXPERIMENTS.keys()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in folders if f"figures/{name}/{name}.png" not in readme] == []


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_the_tables_beside_a_figure_draw_it(tmp_path, name):
    for path in (FIGURES / name).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / f"{name}.png").unlink()
    assert main(["draw", str(tmp_path)]) == 0
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_manifests_name_no_folder_of_a_machine(name):
    text = str(read_manifest(FIGURES / name / "manifest.json"))
    assert not [place for place in ("/tmp/", "/home/", "/root/", "/work/", "/opt/") if place in text]
