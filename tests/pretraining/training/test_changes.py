"""A training that goes on with another learning rate, because somebody said so."""

import pytest
import torch

from pretraining.__main__ import main
from pretraining.optimisation import build_optimiser
from pretraining.recipe import RECIPE, parsed
from pretraining.training.checkpoint import CHECKPOINT, OURS, stored
from pretraining.training.run import Training, train
from tests.pretraining.training._weights import weights
from tests.pretraining.training.test_run import log, stopped_early


@pytest.fixture
def begun(small_recipe, photographs, tmp_path, monkeypatch):
    """`goes_on(*opts, allow=())`: the recipe and folder of a training of 64 images that goes on with changes."""
    stopped_early(monkeypatch, 7, small_recipe("simmim"), str(photographs), tmp_path)

    def goes_on(*opts, allow=()):
        recipe = small_recipe("simmim", *opts)
        return train(recipe, str(photographs), tmp_path, device="cpu", progress=False, allow_change=allow)

    return goes_on


def test_a_change_is_recorded_and_the_new_recipe_is_the_stored_one(begun, tmp_path):
    with pytest.raises(ValueError, match=r"OPTIM\.LR: 0\.001 -> 0\.0005.*--allow-change OPTIM\.LR before --opts"):
        begun("OPTIM.LR", 5e-4)
    assert begun("OPTIM.LR", 5e-4, allow=["OPTIM.LR", "OPTIM.CLIP_GRAD"]).finished
    payload, recipe = stored(tmp_path / CHECKPOINT)
    assert recipe.OPTIM.LR == 5e-4 == parsed((tmp_path / RECIPE).read_text()).OPTIM.LR
    assert payload[OURS]["changes"] == [{"images_seen": 64, "changed": ["OPTIM.LR: 0.001 -> 0.0005"]}]
    assert begun("OPTIM.LR", 5e-4).finished
    with pytest.raises(ValueError, match="another recipe"):
        begun()


def test_the_change_acts(begun, small_recipe, photographs, tmp_path):
    train(small_recipe("simmim"), str(photographs), tmp_path / "plain", device="cpu", progress=False)
    begun("OPTIM.LR", 5e-4, allow=["OPTIM.LR"])
    plain, changed = (log(folder)["lr"].iloc[-1] for folder in (tmp_path / "plain", tmp_path))
    assert changed == pytest.approx(plain / 2)


@pytest.mark.parametrize(
    ("key", "value"), [("OPTIM.WEIGHT_DECAY", 0.0), ("OPTIM.DECAY", "all"), ("OPTIM.LAYER_DECAY", 0.5)]
)
def test_moments_follow_their_parameters_into_other_groups(key, value, begun, tmp_path, monkeypatch):
    before = stored(tmp_path / CHECKPOINT)[0]["optimizer"]
    seen = {}

    def caught(training, wish, progress):
        seen["training"] = training
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "run", caught)
    with pytest.raises(KeyboardInterrupt):
        begun(key, value, allow=[key])
    training = seen["training"]
    after, fresh = training.optimiser.state_dict(), build_optimiser(training.objective, training.recipe).state_dict()
    assert after["param_groups"] == fresh["param_groups"]

    def moments(state):
        pairs = [pair for group in state["param_groups"] for pair in zip(group["names"], group["params"], strict=True)]
        return {name: state["state"][number]["exp_avg"] for name, number in pairs}

    torch.testing.assert_close(moments(after), moments(before), rtol=0, atol=0)


def test_another_precision(begun):
    assert begun("TRAIN.PRECISION", "bfloat16", allow=["TRAIN.PRECISION"]).finished


def test_what_changes_nothing_needs_no_word(begun, small_recipe, photographs, tmp_path):
    train(small_recipe("simmim"), str(photographs), tmp_path / "plain", device="cpu", progress=False)
    assert begun("TRAIN.CHECKPOINTING", True).finished
    torch.testing.assert_close(weights(tmp_path), weights(tmp_path / "plain"), rtol=1e-4, atol=1e-6)


def test_an_end_that_lies_behind(begun):
    with pytest.raises(ValueError, match=r"SCHEDULE\.EPOCHS is 1, but .* has seen 64 images.*expected at least 2"):
        begun("SCHEDULE.EPOCHS", 1, allow=["SCHEDULE.EPOCHS"])


@pytest.mark.parametrize("key", ["OPTIM", "OPTIM.NAME", "OPTIM.LRR", "HYBRID.LAMBDA", "TRAIN.BATCH"])
def test_what_may_not_change(key, begun):
    with pytest.raises(ValueError, match=rf"--allow-change {key}: expected full keys of OPTIM"):
        begun(allow=[key])


def test_the_option(command, photographs, tmp_path, capsys):
    typed = command("simmim", photographs, tmp_path, "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0)[3:]
    place = typed.index("--opts")
    assert main(typed) == 0
    changes = ["--allow-change", "OPTIM.LR", "SCHEDULE.MIN_LR", *typed[place:], "OPTIM.LR", "1e-4"]
    assert main([*typed[:place], *changes]) == 0
    assert main([*typed[:place], "--allow-change", "SEED", *typed[place:]]) == 1
    assert "error: --allow-change SEED" in capsys.readouterr().err
