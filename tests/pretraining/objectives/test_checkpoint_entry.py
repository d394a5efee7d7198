"""Checkpoints have the official structure, in both directions, and load_model opens them."""

import pytest
import torch

from models import load_model
from pretraining.methods import METHODS
from pretraining.objectives import build_objective
from tests.pretraining.objectives.recipes import small_recipe

ENTRY = {"mocov3": "state_dict", "simmim": "model", "mae": "model"}


@pytest.mark.parametrize("method", ENTRY)
def test_golden_checkpoint_there_and_back(method, golden_objective, official):
    """The official file is read strictly, and what we write is that file."""
    found = golden_objective(method, torch.float32).checkpoint_entry()
    wanted = official(method).checkpoint()[ENTRY[method]]
    assert list(found) == [ENTRY[method]]
    state = found[ENTRY[method]]
    assert set(state) == set(wanted)
    for name, value in wanted.items():
        assert state[name].dtype == value.dtype
        assert torch.equal(state[name], value)


@pytest.mark.parametrize("method", ENTRY)
def test_golden_encoder_in_load_model(method, golden_objective, tmp_path):
    """The features of the encoder that was trained."""
    objective = golden_objective(method, torch.float32).eval()
    torch.save(objective.checkpoint_entry(), tmp_path / "checkpoint.pth")
    image = torch.randn(1, 3, *objective.encoder.patch_embed.img_size)
    model = load_model(tmp_path / "checkpoint.pth", num_heads=4)
    with torch.no_grad():
        wanted = objective.encoder.forward_features(image)
        torch.testing.assert_close(model.forward_features(image), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_there_and_back(method, tmp_path):
    first, second = (build_objective(small_recipe(method), classes=3) for _ in range(2))
    torch.save(first.checkpoint_entry(), tmp_path / "checkpoint.pth")
    second.load_checkpoint_entry(torch.load(tmp_path / "checkpoint.pth", weights_only=True))
    torch.testing.assert_close(second.state_dict(), first.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_may_be_missing_left_over_or_of_another_shape(method):
    objective = build_objective(small_recipe(method), classes=3)
    (entry, state), *_ = objective.checkpoint_entry().items()
    names = list(state)
    for broken in (
        {name: state[name] for name in names[1:]},
        {**state, "extra.weight": torch.zeros(1)},
        {**state, names[0]: torch.zeros(1, 2, 3)},
    ):
        with pytest.raises(ValueError, match=r"does not fit the recipe's"):
            objective.load_checkpoint_entry({entry: broken})


def test_checkpoint_of_another_method():
    moco, mae = (build_objective(small_recipe(method), classes=0) for method in ("mocov3", "mae"))
    with pytest.raises(ValueError, match=r"has no entry 'model' but state_dict: of another method\?"):
        mae.load_checkpoint_entry(moco.checkpoint_entry())


def test_golden_index_table_of_another_grid(golden_objective, official):
    objective = golden_objective("simmim", torch.float32)
    payload = official("simmim").checkpoint()
    payload["model"]["encoder.rel_pos_bias.relative_position_index"] += 1
    with pytest.raises(ValueError, match=r"is not the table of this grid of patches"):
        objective.load_checkpoint_entry(payload)
