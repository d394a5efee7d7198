"""The optimiser that a recipe asks for."""

from pathlib import Path

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from pretraining.optimisation import build_optimiser
from pretraining.optimisation.lars import LARS
from pretraining.recipe import load_recipe

SMALL = Path(__file__).parents[1] / "small.yaml"


class Small(nn.Module):
    """An encoder under another name than `encoder`, as in MoCo, and a head beside it."""

    def __init__(self):
        super().__init__()
        self.base_encoder = VisionTransformer(
            img_size=8, patch_size=4, embed_dim=8, num_heads=2, depth=2, num_classes=0
        )
        self.base_encoder.pos_embed.requires_grad_(False)
        self.predictor = nn.Linear(8, 8)

    @property
    def encoder(self):
        return self.base_encoder


def recipe_of(*opts):
    return load_recipe(SMALL, [str(word) for word in opts])


def group_of(optimiser, name):
    return next(group for group in optimiser.param_groups if name in group["names"])


def test_adamw():
    recipe = recipe_of("OPTIM.BETAS", "[0.8, 0.9]", "OPTIM.EPS", 1e-6, "TRAIN.BATCH", 512, "OPTIM.DECAY", "all")
    optimiser = build_optimiser(Small(), recipe)
    assert type(optimiser) is torch.optim.AdamW
    (group,) = optimiser.param_groups
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (2e-3, (0.8, 0.9), 1e-6, 0.05)
    assert "base_encoder.pos_embed" not in group["names"]
    assert "base_encoder.cls_token" in group["names"]


def test_lars():
    optimiser = build_optimiser(Small(), recipe_of("OPTIM.NAME", "lars", "OPTIM.TRUST", 0.02, "OPTIM.MOMENTUM", 0.5))
    assert isinstance(optimiser, LARS)
    assert {(group["trust"], group["momentum"]) for group in optimiser.param_groups} == {(0.02, 0.5)}


def test_every_trained_parameter_is_there_once():
    objective = Small()
    optimiser = build_optimiser(objective, recipe_of("OPTIM.LAYER_DECAY", 0.5))
    ids = [id(parameter) for group in optimiser.param_groups for parameter in group["params"]]
    assert sorted(ids) == sorted(id(p) for p in objective.parameters() if p.requires_grad)


def test_layer_decay_goes_by_the_encoder():
    optimiser = build_optimiser(Small(), recipe_of("OPTIM.LAYER_DECAY", 0.5))
    scales = {
        name: group_of(optimiser, name)["lr_scale"]
        for name in (
            "base_encoder.cls_token",
            "base_encoder.blocks.0.mlp.fc1.weight",
            "base_encoder.blocks.1.mlp.fc1.weight",
            "base_encoder.norm.weight",
            "predictor.weight",
        )
    }
    assert list(scales.values()) == [0.125, 0.25, 0.5, 1.0, 1.0]


def test_nothing_to_train():
    with pytest.raises(ValueError, match="no parameter of the objective is trained"):
        build_optimiser(Small().requires_grad_(False), recipe_of())


@pytest.mark.parametrize("name", ["adamw", "lars"])
def test_state_can_be_stored_without_code(name, tmp_path):
    objective = Small()
    optimiser = build_optimiser(objective, recipe_of("OPTIM.NAME", name))
    sum(parameter.sum() for parameter in objective.parameters()).backward()
    optimiser.step()
    torch.save(optimiser.state_dict(), tmp_path / "state.pt")
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    again = build_optimiser(objective, recipe_of("OPTIM.NAME", name))
    again.load_state_dict(stored)
    assert str(again.state_dict()) == str(optimiser.state_dict())
