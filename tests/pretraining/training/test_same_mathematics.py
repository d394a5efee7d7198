"""Switches that save memory or time, and leave the losses as they are."""

import pytest
import torch

from pretraining.training import run
from pretraining.training.run import train
from tests.pretraining.training.test_run import log


@pytest.fixture
def losses(photographs, small_recipe, tmp_path):
    """`losses(method, *opts)`: of ten steps."""

    def found(method, *opts):
        folder = tmp_path / "-".join(map(str, (method, *opts)))
        recipe = small_recipe(method, "SCHEDULE.EPOCHS", 2, "TRAIN.SAVE_EVERY", 0.2, *opts)
        train(recipe, str(photographs), folder, device="cpu", progress=False)
        return log(folder)["loss"].to_list()

    return found


@pytest.mark.parametrize("method", ["simmim", "hybrid"])
def test_checkpointing(method, losses, monkeypatch):
    original, seen = run.checkpoint_activations, []

    def spied(objective):
        original(objective)
        seen.append(objective.encoder.grad_checkpointing)

    monkeypatch.setattr(run, "checkpoint_activations", spied)
    opts = ("ENCODER.DROP_PATH", 0.3)  # drawn again in the backward pass, the same
    plain = losses(method, *opts)
    assert len(plain) == 10 and losses(method, *opts, "TRAIN.CHECKPOINTING", True) == pytest.approx(plain, rel=1e-5)
    assert seen == [True]


def test_compiled(losses, monkeypatch):
    plain, original, compiled = losses("simmim"), torch.nn.Module.compile, []

    def eager(module):
        compiled.append(type(module).__name__)
        original(module, backend="eager")

    monkeypatch.setattr(torch.nn.Module, "compile", eager)
    assert losses("simmim", "TRAIN.COMPILE", True) == pytest.approx(plain, rel=1e-5)
    assert compiled == ["SimMIM"]
