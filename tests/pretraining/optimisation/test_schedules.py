"""Schedules against the official code, at their ends, and through a recipe."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pretraining.optimisation import learning_rate, moco_momentum, set_learning_rate
from pretraining.optimisation.schedules import cosine_lr
from pretraining.recipe import load_recipe

SMALL = Path(__file__).parents[1] / "small.yaml"

GOLDEN = {"rel": 1e-12, "abs": 1e-15}


def loaded(golden):
    data = np.load(golden / "objectives" / "schedules.npz")
    return data, json.loads(str(data["meta"]))


def recipe_of(**settings):
    return load_recipe(SMALL, [str(word) for pair in settings.items() for word in pair])


def optimiser_with(scales):
    groups = [{"params": [torch.zeros(1)], **({} if scale is None else {"lr_scale": scale})} for scale in scales]
    return torch.optim.SGD(groups, lr=1.0)


def test_golden_moco_rate(golden):
    data, meta = loaded(golden)
    for case, options in meta["moco_lr"].items():
        found = [
            cosine_lr(epoch, lr=options["lr"], epochs=options["epochs"], warmup=options["warmup_epochs"])
            for epoch in data[f"moco_lr/{case}/epoch"]
        ]
        assert found == pytest.approx(data[f"moco_lr/{case}/lr"], **GOLDEN), case


def test_golden_moco_momentum(golden):
    data, meta = loaded(golden)
    for case, options in meta["moco_momentum"].items():
        epochs = data[f"moco_momentum/{case}/epoch"]
        found = [moco_momentum(epoch / options["epochs"], start=options["moco_m"]) for epoch in epochs]
        assert found == pytest.approx(data[f"moco_momentum/{case}/m"], **GOLDEN), case


def test_golden_mae_rate(golden):
    data, meta = loaded(golden)
    for case, options in meta["mae_lr"].items():
        optimiser = optimiser_with(options["group_lr_scale"])
        rows = zip(*(data[f"mae_lr/{case}/{key}"] for key in ("epoch", "lr", "group_lr")), strict=True)
        for epoch, lr, group_lr in rows:
            found = cosine_lr(
                epoch,
                lr=options["lr"],
                epochs=options["epochs"],
                warmup=options["warmup_epochs"],
                min_lr=options["min_lr"],
            )
            set_learning_rate(optimiser, found)
            assert found == pytest.approx(lr, **GOLDEN), case
            assert [group["lr"] for group in optimiser.param_groups] == pytest.approx(group_lr, **GOLDEN), case


def test_golden_simmim_rate(golden):
    data, meta = loaded(golden)
    for case, options in meta["simmim_lr"].items():
        recipe = recipe_of(
            **{
                "SCHEDULE.NAME": {"cosine": "timm_cosine"}.get(case, case),
                "SCHEDULE.EPOCHS": options["epochs"],
                "SCHEDULE.WARMUP_EPOCHS": options["warmup_epochs"],
                "SCHEDULE.WARMUP_LR": options["warmup_lr"],
                "SCHEDULE.MIN_LR": options["min_lr"],
                "SCHEDULE.MILESTONES": options["milestones"],
                "SCHEDULE.GAMMA": options["gamma"],
                "OPTIM.LR": options["base_lr"],
            }
        )
        expected = data[f"simmim_lr/{case}/lr_used"]
        steps = options["iterations_per_epoch"]
        found = [learning_rate(recipe, step=step, steps_per_epoch=steps) for step in range(len(expected))]
        assert found == pytest.approx(expected, **GOLDEN), case


@given(step=st.integers(0, 209), batch=st.sampled_from([64, 256, 4096]))
def test_cosine_of_a_recipe_scales_with_the_batch(step, batch):
    recipe = recipe_of(**{"TRAIN.BATCH": batch})
    expected = cosine_lr(step / 10, lr=1e-3 * batch / 256, epochs=21, warmup=2)
    assert learning_rate(recipe, step=step, steps_per_epoch=10) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["multistep", "timm_cosine"])
def test_all_rates_of_simmim_scale_with_the_batch(name):
    settings = {"SCHEDULE.NAME": name, "SCHEDULE.WARMUP_LR": 1e-5, "SCHEDULE.MIN_LR": 1e-4, "SCHEDULE.MILESTONES": [5]}
    small, large = (recipe_of(**settings, **{"TRAIN.BATCH": batch}) for batch in (256, 1024))
    for step in range(0, 211, 7):
        rates = [learning_rate(recipe, step=step, steps_per_epoch=10) for recipe in (small, large)]
        assert rates[1] == pytest.approx(4 * rates[0], rel=1e-12)


@pytest.mark.parametrize("name", ["cosine", "multistep", "timm_cosine"])
@pytest.mark.parametrize("warmup", [0, 1, 3])
def test_ends(name, warmup):
    recipe = recipe_of(**{"SCHEDULE.NAME": name, "SCHEDULE.EPOCHS": 3, "SCHEDULE.WARMUP_EPOCHS": warmup})
    rates = [learning_rate(recipe, step=step, steps_per_epoch=4) for step in range(12)]
    assert rates[0] == (0.0 if warmup else 1e-3)
    assert all(0 <= rate <= 1e-3 for rate in rates)
    assert all(math.isfinite(rate) for rate in rates)


def test_floor_and_start_of_the_warm_up_are_absolute_with_cosine():
    recipe = recipe_of(**{"TRAIN.BATCH": 1024, "SCHEDULE.WARMUP_LR": 1e-6, "SCHEDULE.MIN_LR": 1e-5})
    assert learning_rate(recipe, step=0, steps_per_epoch=10) == 1e-6
    assert learning_rate(recipe, step=20, steps_per_epoch=10) == 4e-3
    assert learning_rate(recipe, step=210, steps_per_epoch=10) == pytest.approx(1e-5)


def test_momentum_without_cosine_is_constant():
    assert [moco_momentum(progress, start=0.99, cosine=False) for progress in (0.0, 0.3, 1.0)] == [0.99] * 3


def test_learning_rate_of_groups():
    optimiser = optimiser_with([None, 0.5])
    for lr in (1.0, 0.1):
        set_learning_rate(optimiser, lr)
        assert [group["lr"] for group in optimiser.param_groups] == [lr, lr * 0.5]
