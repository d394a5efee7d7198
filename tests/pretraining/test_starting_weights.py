"""Weights to start from: what they decide in a recipe, and what is refused."""

import pytest
import torch

from models import load_model
from pretraining.objectives import build_objective
from pretraining.recipe import load_recipe
from pretraining.starting_weights import recipe_from, starting_encoder
from study.provenance import weights_hash
from tests.models._tiny import beit, prefixed, saved, vit


@pytest.fixture
def mae_like(tmp_path):
    """A plain ViT of 24 x 2 with patches of 8 px."""
    return saved({"model": vit().state_dict()}, tmp_path / "mine.pth")


def named(path, *opts):
    return recipe_from("mini_finetune", ["ENCODER.WEIGHTS", str(path), *map(str, opts)])


def test_weights_decide_sizes_and_normalisation(mae_like):
    recipe = named(mae_like, "ENCODER.NUM_HEADS", 3)
    node = recipe.ENCODER
    assert (node.IMG_SIZE, node.PATCH_SIZE, node.EMBED_DIM, node.DEPTH, node.NUM_HEADS) == (32, 8, 24, 2, 3)
    assert list(load_model(mae_like, num_heads=3).pretrained_cfg["mean"]) == recipe.DATA.MEAN
    assert recipe.OPTIM == load_recipe("mini_finetune").OPTIM


def test_the_caller_decides_more(mae_like):
    recipe = named(mae_like, "ENCODER.NUM_HEADS", 3, "ENCODER.IMG_SIZE", 48, "DATA.MEAN", [0.1, 0.2, 0.3])
    assert recipe.ENCODER.IMG_SIZE == 48 and recipe.DATA.MEAN == [0.1, 0.2, 0.3]
    assert starting_encoder(recipe.ENCODER).encoder.patch_embed.grid_size == (6, 6)


def test_the_encoder_holds_the_weights(mae_like):
    start = starting_encoder(named(mae_like, "ENCODER.NUM_HEADS", 3).ENCODER)
    loaded = load_model(mae_like, num_heads=3)
    assert start.sha256 == weights_hash(loaded)
    torch.testing.assert_close(start.encoder.state_dict(), loaded.state_dict(), rtol=0, atol=0)
    assert all(p.requires_grad for p in start.encoder.parameters())


def test_relative_positions(tmp_path):
    state = prefixed("encoder.", beit().state_dict()) | {"decoder.0.weight": torch.rand(192, 24, 1, 1)}
    state |= {"encoder.mask_token": torch.zeros(1, 1, 24), "decoder.0.bias": torch.rand(192)}
    path = saved({"model": state}, tmp_path / "simmim.pth")
    objective = build_objective(named(path, "FINETUNE.RELATIVE_BIAS", "block"), classes=3)
    tables = [block.attn.relative_position_bias_table for block in objective.encoder.blocks]
    shared = state["encoder.rel_pos_bias.relative_position_bias_table"]
    assert all(table.equal(shared) for table in tables) and objective.encoder.rel_pos_bias is None


@pytest.mark.parametrize("opts", [(), ("ENCODER.WEIGHTS", "none")])
def test_without_weights_the_encoder_is_new(opts):
    recipe = recipe_from("mini_finetune", opts)
    assert recipe == load_recipe("mini_finetune", opts)
    start = starting_encoder(recipe.ENCODER)
    assert start.sha256 == "" and start.encoder.embed_dim == 96


def test_other_sizes_are_refused(mae_like):
    recipe = named(mae_like, "ENCODER.NUM_HEADS", 3, "ENCODER.DEPTH", 5)
    with pytest.raises(ValueError, match=r"ENCODER\.DEPTH is 5, but .*mine\.pth has 2; leave sizes to the weights"):
        starting_encoder(recipe.ENCODER)


def test_missing_weights():
    with pytest.raises((OSError, ValueError), match=r"nowhere\.pth"):
        named("/nowhere.pth")


def test_distilled_models_are_refused():
    with pytest.raises(ValueError, match="is a VisionTransformerDistilled, which cannot be trained further"):
        from timm.models.deit import VisionTransformerDistilled

        from pretraining.starting_weights import _suitable

        _suitable(VisionTransformerDistilled(img_size=8, patch_size=4, embed_dim=8, depth=1, num_heads=2), "x")
