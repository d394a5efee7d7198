"""Which stored rows are read, what is missing in words, and results that contradict each other."""

import copy
import re

import pytest

from experiments.applicable import NotApplicable
from experiments.settings import Settings
from experiments.stored import results as module
from experiments.stored.facts import stored_facts
from experiments.stored.results import stored
from study.record import read_manifest, write_manifest
from tests.experiments.stored._results import PART, layers, line, passport, results

CURVES = {"mini-moco": [0.2, 0.4, 0.6], "mini-simmim": [0.2, 0.5, 0.4]}


@pytest.fixture
def folder(tmp_path):
    return layers(tmp_path / "runs" / "layers", CURVES)


def settings(*folders, models=(), **more):
    return Settings(probing=tuple(folders), models=models, **more)


def test_rows_of_all_models_or_of_those_asked_for_in_their_order(folder):
    assert stored(settings(folder), "layers").rows["model"].unique().tolist() == list(CURVES)
    found = stored(settings(folder, models=("mini-simmim", "mini-moco")), "layers")
    assert found.rows["model"].unique().tolist() == ["mini-simmim", "mini-moco"] and not found.missing
    assert found.rows.loc[found.rows["model"] == "mini-moco", "value"].tolist() == CURVES["mini-moco"]
    assert set(found.rows["source"]) == {"runs/layers"} and [one.name for one in found.sources] == ["runs/layers"]


def test_a_table_or_a_folder_above_is_as_good(folder):
    for where in (folder.parent, folder / "probing.csv"):
        assert len(stored(settings(where), "layers").rows) == 6


def test_an_alias_finds_the_rows_of_the_whole_name(folder):
    found = stored(settings(folder, models=("vit_mini_patch4_32.simmim",)), "layers")
    assert found.rows["model"].tolist() == ["vit_mini_patch4_32.simmim"] * 3
    assert stored_facts(found)["layouts"]["vit_mini_patch4_32.simmim"]["grid"] == [8, 8]


def test_heads_and_metrics_choose_rows(folder):
    assert stored(settings(folder), "layers", heads=["knn"]).rows.empty
    assert stored(settings(folder), "layers", metrics="accuracy_drop@.*").rows.empty


def test_rows_of_other_commands_are_not_taken(folder, tmp_path):
    results(tmp_path / "runs" / "shifted", "shifted", [line("mini-moco", 2, "patches", "linear", 0.99)])
    assert stored(settings(tmp_path / "runs"), "layers").rows["value"].max() == 0.6
    assert stored(settings(tmp_path / "runs"), "shifted").rows["value"].tolist() == [0.99]


def test_what_is_missing_is_told_with_its_command(folder):
    found = stored(settings(folder, models=("mini-moco", "mini-mae", "mini-random")), "layers")
    text = (
        "mini-mae, mini-random have no results of `python -m probing layers` in runs/layers: make them with `python -m "
        "probing layers --model mini-mae mini-random --data PATH --out runs/layers`, then add --probing runs/layers "
        "runs/layers; or add --train --data PATH"
    )
    assert found.missing == {"mini-mae": text, "mini-random": text} and stored_facts(found)["notes"] == [text]
    with pytest.raises(NotApplicable, match=re.escape("mini-mae has no results of `python -m probing layers`")):
        stored(settings(folder, models=("mini-mae",)), "layers").required()
    with pytest.raises(
        NotApplicable, match=r"^there are no results of `python -m probing dense` .* --data shapes --out"
    ):
        stored(settings(folder), "dense").required()


def test_a_folder_without_a_table(tmp_path):
    with pytest.raises(OSError, match=re.escape(f"--probing {tmp_path} holds no probing.csv: expected the --out of")):
        stored(settings(tmp_path), "layers")


def test_a_manifest_without_a_command(folder):
    manifest = read_manifest(folder / "probing.json")
    write_manifest({**manifest, "command": "cp -r elsewhere ."}, folder / "probing.json")
    with pytest.raises(ValueError, match="names no command of `python -m probing`: cp -r elsewhere"):
        stored(settings(folder), "layers")


def test_two_results_of_one_cell(folder, tmp_path):
    layers(tmp_path / "copy", {"mini-moco": CURVES["mini-moco"]})
    assert len(stored(settings(folder, tmp_path / "copy"), "layers").rows) == 6
    layers(tmp_path / "copy", {"mini-moco": [0.2, 0.4, 0.7]})
    text = r"two results of mini-moco, layer 2, patches, linear: accuracy is 0\.6 in runs/layers and 0\.7 in .*copy \(2"
    with pytest.raises(ValueError, match=text):
        stored(settings(folder, tmp_path / "copy"), "layers")


def test_two_results_of_one_value_say_in_what_they_differ(folder, tmp_path):
    other = [line("mini-moco", 1, "patches", "linear", 0.4, images=90, recipe="mae-v1: norm none")]
    results(tmp_path / "copy", "layers", other)
    text = "such rows), of other images 200 and 90; recipe linear-v1: norm none and mae-v1: norm none; name the folders"
    with pytest.raises(ValueError, match=re.escape(text)):
        stored(settings(folder, tmp_path / "copy"), "layers")


def test_models_trained_by_other_recipes_are_noted(folder, tmp_path):
    results(tmp_path / "else", "layers", [line("mini-mae", 1, "patches", "linear", 0.4, recipe="mae-v1: norm none")])
    facts = stored_facts(stored(settings(folder, tmp_path / "else"), "layers"))
    (said,) = facts["differing"]
    assert said == "linear was not trained alike: linear-v1 (mini-moco, mini-simmim), mae-v1 (mini-mae)."
    assert facts["notes"] == facts["differing"]
    assert stored_facts(stored(settings(folder), "layers"))["differing"] == []


def test_probes_of_other_weights_than_the_named_model(tmp_path):
    other = {**copy.deepcopy(passport("mini-moco")), "sha256": "0" * 64}
    folder = layers(tmp_path / "old", {"mini-moco": [0.2, 0.3]}, models={"mini-moco": other})
    text = (
        r"old: mini-moco has other files \(sha256 000000000000\) than mini-moco as it comes with the project \(3a289f"
    )
    with pytest.raises(ValueError, match=text):
        stored_facts(stored(settings(folder), "layers"))


def test_two_folders_of_different_weights_under_one_name(tmp_path):
    mine = {**passport("mini-moco"), "sha256": "1" * 64}
    probes = layers(tmp_path / "probes", {"mine": [0.2, 0.3]}, models={"mine": mine})
    tuned = [line("mine", 2, "patches", "dense_linear", 0.3, "miou")]
    dense = results(tmp_path / "dense", "dense", tuned, models={"mine": {**mine, "sha256": "2" * 64}})
    found = [stored(settings(probes, dense), what, metrics=".*") for what in ("layers", "dense")]
    with pytest.raises(ValueError, match=r"mine has other files \(sha256 1{12}\) than mine of .*dense \(2{12}\)"):
        stored_facts(*found)


def test_parameters_are_compared_only_in_float32(tmp_path):
    other = {**passport("mini-random"), "parameters_sha256": "3" * 64}
    made = {"models": {"mini-random": other}, "arithmetic": {"dtype": "bfloat16"}}
    half = layers(tmp_path / "half", {"mini-random": [0.2, 0.3]}, **made)
    assert stored_facts(stored(settings(half), "layers"))["miniatures"] == ["mini-random"]
    whole = layers(tmp_path / "whole", {"mini-random": [0.2, 0.3]}, models={"mini-random": other})
    with pytest.raises(ValueError, match=r"mini-random has other weights \(sha256 333333333333\)"):
        stored_facts(stored(settings(whole), "layers"))


def test_models_tested_on_other_images_are_noted(folder, tmp_path):
    more = {**PART, "count": 90, "digest": "e" * 64, "classes": ["a", "b"]}
    layers(tmp_path / "else", {"mini-mae": [0.1, 0.3]}, images={"test": more})
    facts = stored_facts(stored(settings(folder, tmp_path / "else"), "layers"))
    assert facts["images"] == 200 and facts["classes"] == 4
    (note,) = facts["notes"]
    assert note.startswith(
        "The models were not tested on the same images: 200 of pictures.zip/test (runs/layers) and 90"
    )


def test_facts_name_sources_without_folders_of_the_machine(folder):
    (source,) = stored_facts(stored(settings(folder), "layers"))["sources"]
    assert source["folder"] == "runs/layers" and source["command"] == "python -m probing layers --out x"
    assert source["weights"]["mini-moco"]["sha256"].startswith("3a289fa7") and source["versions"] == {"torch": "2"}
    assert source["tested"] == {"where": "pictures.zip/test", "images": 200, "digest": "d" * 64}


def test_without_folders_the_projects_own_are_read(monkeypatch, tmp_path, folder):
    monkeypatch.setattr(module, "OWN", folder.parent)
    assert len(stored(Settings(), "layers").rows) == 6
    monkeypatch.setattr(module, "OWN", tmp_path / "nothing")
    assert stored(Settings(), "layers").rows.empty
