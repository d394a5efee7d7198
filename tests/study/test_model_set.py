import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import study
from models import load_model
from study import model_set
from study.model_set import MINIATURES, is_miniature, is_packaged, open_models


@pytest.fixture
def refusing(monkeypatch):
    """A host that refuses everything but the miniatures."""
    real = model_set.load_model

    def load_model(name):
        if is_packaged(name):
            return real(name)
        raise OSError(f"the weights {name} could not be fetched:\n  https://host/file: quota exceeded\nCure: wait")

    monkeypatch.setattr(model_set, "load_model", load_model)


def test_loads_in_the_order_of_the_names_each_once():
    opened = open_models(" mini-simmim,mini-moco , mini-simmim,")
    assert list(opened.loaded) == ["mini-simmim", "mini-moco"]
    assert not opened.refused
    assert not opened.substituted
    assert not opened.loaded["mini-moco"].training


def test_a_sequence_of_names_is_taken_as_it_is():
    assert list(open_models(["mini-random"]).loaded) == ["mini-random"]


@pytest.mark.usefixtures("refusing")
def test_goes_on_with_the_models_that_can_be_had():
    opened = open_models("moco, mini-simmim")
    assert list(opened.loaded) == ["mini-simmim"]
    assert "quota exceeded" in opened.refused["moco"]
    assert not opened.substituted
    assert opened.notes[0] == "moco is left out: the weights moco could not be fetched"


@pytest.mark.usefixtures("refusing")
def test_falls_back_to_the_miniatures_and_says_so():
    opened = open_models("moco, simmim")
    assert tuple(opened.loaded) == MINIATURES
    assert opened.substituted
    text = "\n".join(opened.notes)
    assert "moco is left out" in text
    assert "simmim is left out" in text
    assert "NONE OF THE MODELS ASKED FOR IS HERE" in text
    assert "they confirm no paper" in text


@pytest.mark.usefixtures("refusing")
def test_falls_back_to_nothing_if_asked():
    opened = open_models("moco", instead=())
    assert not opened.loaded
    assert not opened.substituted
    assert list(opened.refused) == ["moco"]


def test_without_download_nothing_is_fetched(monkeypatch):
    monkeypatch.setattr(model_set, "load_model", lambda name: pytest.fail(f"tried to load {name}"))
    opened = open_models("moco, vit_small_patch14_reg4_dinov2.lvd142m", instead=(), download=False)
    assert len(opened.refused) == 2
    assert "would have to be downloaded" in opened.notes[0]


def test_a_name_that_nobody_knows_is_an_error_and_not_left_out():
    with pytest.raises(ValueError, match="mini-mocco"):
        open_models("mini-moco, mini-mocco")


def test_no_name():
    with pytest.raises(ValueError, match=r"names=' , ' holds no name; expected for example 'moco, simmim'"):
        open_models(" , ")


def test_notes_describe_each_model():
    [line, warning] = open_models("mini-moco").notes
    assert line == "mini-moco: MoCo-v3, 8 blocks of 3 heads, 96 channels, 8 x 8 patches of 4 px, 1 in front"
    assert "they confirm no paper" in warning


def test_a_miniature_is_known_by_name_and_by_file_and_an_own_training_is_none(tmp_path):
    packaged = Path(study.__file__).parents[1] / "models" / "mini"
    shutil.copy(packaged / "simmim.safetensors", tmp_path / "copied.safetensors")
    named = [load_model(name) for name in ("mini-simmim", "mini-random")]
    files = [load_model(packaged / "mae.safetensors"), load_model(tmp_path / "copied.safetensors", num_heads=3)]
    assert all(map(is_miniature, (*named, *files)))
    own = {**load_file(packaged / "simmim.safetensors"), "norm.bias": torch.ones(96)}
    save_file(own, tmp_path / "own.safetensors")
    shutil.copy(packaged / "simmim.json", tmp_path / "own.json")
    model = load_model(tmp_path / "own.safetensors")
    assert not is_miniature(model)
    assert (model.passport.family, model.passport.title, model.passport.saw_labels) == ("simmim", "own", False)


def test_device():
    opened = open_models("mini-random", device=torch.device("meta"))
    assert next(opened.loaded["mini-random"].parameters()).device.type == "meta"


@pytest.mark.parametrize(
    ("name", "packaged"), [("mini-moco", True), ("mini-random", True), ("moco", False), ("x", False)]
)
def test_is_packaged(name, packaged):
    assert is_packaged(name) is packaged
