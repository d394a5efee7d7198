"""The number of heads that a command is given goes to those files that do not tell their own."""

import shutil

import pytest
import torch

from models import load_model
from study.loading import loaded_models, needed_heads
from tests.models._tiny import saved, vit

TINY = {"img_size": 16, "patch_size": 8, "embed_dim": 192, "depth": 12, "mlp_ratio": 0.1}


@pytest.fixture
def files(tmp_path):
    """A file of a size that nobody published, and one of the size of ViT-Ti."""
    paths = {"own.pth": vit(num_classes=2), "tiny.pth": vit(**TINY, num_classes=2)}
    return [str(saved(model.state_dict(), tmp_path / name)) for name, model in paths.items()]


def heads(loaded):
    return {name: model.blocks[0].attn.num_heads for name, model in loaded.items()}


def test_a_published_size_keeps_its_heads_beside_a_file_that_needs_the_number(files):
    expected = {"own.pth": 2, "tiny.pth": 3, "mini-random": 3}
    loaded = loaded_models([*files, "mini-random"], num_heads=2)
    assert heads(loaded) == {name: model.passport.heads for name, model in loaded.items()} == expected


def test_a_number_that_none_of_several_files_needs_is_refused_unless_it_is_theirs(files):
    own, tiny = files
    both = [tiny, str(shutil.copy(tiny, tiny.replace("tiny", "other")))]
    assert needed_heads([*both, "mini-moco"], 3) == {both[0]: None, both[1]: None, "mini-moco": None}
    with pytest.raises(ValueError, match=r"--num-heads 2 is for files that do not .*tiny.pth has 3, .*other.pth has 3"):
        loaded_models([*both, "mini-random"], num_heads=2)
    with pytest.raises(ValueError, match="pass num_heads="):
        loaded_models([own, tiny])
    assert needed_heads(["mini-moco"], 2) == {"mini-moco": None}


def test_of_a_single_file_the_user_may_know_better_than_a_published_size(files):
    loaded = loaded_models([files[1], "mini-random"], num_heads=6)
    assert heads(loaded) == {"tiny.pth": 6, "mini-random": 3}


def test_the_caller_of_load_model_may_have_other_heads_than_the_published_model(files):
    images = torch.rand(1, 3, 16, 16)
    model = load_model(files[1], num_heads=6)
    assert model.blocks[0].attn.num_heads == model.passport.heads == 6
    assert not torch.equal(model(images), load_model(files[1])(images))
