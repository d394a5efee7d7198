"""The README's table of probes is the committed one, and the committed one is what the miniatures give."""

import re
from pathlib import Path

import pytest

from probing.table import read_results

ROOT = Path(__file__).parents[2]
HEADS = {
    "linear, class token": ("linear", "class_token"),
    "linear, mean of patches": ("linear", "patches"),
    "AbMILP": ("abmilp", "tokens"),
    "k-NN, class token": ("knn", "class_token"),
}


@pytest.fixture(scope="module")
def table():
    return read_results(ROOT / "resources" / "results" / "probing")


def test_readme_shows_the_committed_numbers(table):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (mini-\w+) \| (linear, .*?|AbMILP|k-NN, .*?) \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) == len(HEADS) * table["model"].nunique()
    for model, label, numbers in rows:
        head, pooling = HEADS[label]
        chosen = table[(table["model"] == model) & (table["head"] == head) & (table["pooling"] == pooling)]
        values = 100 * chosen.sort_values("layer")["value"]
        assert [f"{value:.1f}" for value in values] == [number.strip("* ") for number in numbers.split("|")]


def test_miniatures_still_give_the_committed_votes(table, data, tmp_path):
    """k-NN needs no training: one model and layer are enough to see that weights, images and pooling are the same."""
    from probing.__main__ import main

    archive = data / "cifar10.zip"
    if not archive.is_file():
        pytest.skip("needs cifar10.zip in VIT_ANATOMY_DATA")
    typed = ["layers", "--model", "mini-moco", "--data", str(archive), "--limit", "5000", "--out", str(tmp_path)]
    assert main([*typed, "--layers", "8", "--poolings", "class_token", "--heads", "knn", "--batch-size", "250"]) == 0
    committed = table[(table["model"] == "mini-moco") & (table["layer"] == 8) & (table["head"] == "knn")]
    expected = committed[committed["pooling"] == "class_token"]["value"].item()
    assert read_results(tmp_path)["value"].item() == pytest.approx(expected, abs=0.002)
