"""All miniatures begin as `mini-random`, to the last bit."""

import pytest
import torch

from models import load_model
from pretraining.objectives import build_objective
from pretraining.recipe import load_recipe


@pytest.mark.parametrize("method", ["mocov3", "simmim", "mae", "hybrid", "supervised"])
def test_recipe_begins_as_the_untrained_control(method):
    recipe = load_recipe(f"mini_{method}")
    torch.manual_seed(recipe.SEED)
    encoder = build_objective(recipe, classes=10).encoder
    begun = encoder.state_dict()
    for name, value in load_model("mini-random").state_dict().items():
        assert torch.equal(begun[name], value), name
