"""All layers at once as each alone, on from any epoch, and refused where it is another training."""

import dataclasses
import subprocess
import sys

import pytest
import torch

from models import TokenLayout
from pretraining.data.order import order
from pretraining.optimisation.schedules import cosine_lr
from probing.dense.probe import DenseProbe
from probing.dense.recipe import DenseRecipe
from probing.dense.state import saved
from probing.dense.training import SGD_MOMENTUM, trained

RECIPE = DenseRecipe(epochs=3, lr=0.05, batch=4)
IDENTITY = {"weights": "abc"}


class Memory:
    """Tokens of ten images in memory: the class of a patch is the sign of a direction, the deeper the clearer."""

    def __init__(self, layers=(0, 2)):
        generator = torch.Generator().manual_seed(0)
        self.layers, self.layout = tuple(layers), TokenLayout(1, 0, (2, 3), 2)
        truth = torch.randint(0, 3, (10, 6), generator=generator)
        noise = torch.randn(3, 10, 6, 5, generator=generator)
        clear = torch.nn.functional.one_hot(truth, 5).float()
        self.all = torch.stack([noise[layer] + (layer + 1) * clear for layer in range(3)])[list(layers)]
        self.counts = torch.nn.functional.one_hot(truth, 3).float() * 4

    def __len__(self):
        return 10

    def batch(self, images):
        return self.all[:, list(images)]


def train(path, tokens=None, recipe=RECIPE, **changed):
    tokens = tokens or Memory()
    return trained(tokens, tokens.counts, recipe, path=path, identity=IDENTITY | changed, progress=False)


def same(one: DenseProbe, other: DenseProbe):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("weight", "bias", "mean", "variance"))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_against_one_loop_for_each_layer(optimiser, tmp_path):
    recipe = dataclasses.replace(RECIPE, optimiser=optimiser, weight_decay=0.01)
    tokens = Memory()
    found = train(tmp_path / "state.pth", tokens, recipe)
    for layer in range(2):
        norm, linear = torch.nn.BatchNorm1d(5, affine=False), torch.nn.Linear(5, 3)
        torch.nn.init.zeros_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        groups = [{"params": [linear.weight], "weight_decay": 0.01}, {"params": [linear.bias], "weight_decay": 0}]
        step = torch.optim.AdamW(groups) if optimiser == "adamw" else torch.optim.SGD(groups, momentum=SGD_MOMENTUM)
        for epoch in range(3):
            images = order(10, seed=0, epoch=epoch)
            for part, batch in enumerate([images[:4], images[4:8], images[8:]]):
                for group in step.param_groups:
                    group["lr"] = cosine_lr(epoch + part / 3, lr=0.05, epochs=3)
                logits = linear(norm(tokens.all[layer, batch].flatten(0, 1)))
                loss = torch.nn.functional.cross_entropy(logits, tokens.counts[batch].flatten(0, 1).argmax(-1))
                step.zero_grad()
                loss.backward()
                step.step()
        torch.testing.assert_close(found.weight[layer], linear.weight, rtol=1e-4, atol=1e-5)  # another order of sums
        torch.testing.assert_close(found.bias[layer], linear.bias, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.mean[layer], norm.running_mean)
        torch.testing.assert_close(found.variance[layer], norm.running_var)


def test_it_learns_and_more_where_tokens_say_more(tmp_path):
    tokens = Memory()
    probe = train(tmp_path / "state.pth", tokens, dataclasses.replace(RECIPE, epochs=20))
    right = (probe.logits(tokens.all).argmax(-1) == tokens.counts.argmax(-1)).float().mean((1, 2))
    assert right[1] > 0.95 and right[1] > right[0] > 0.4


def test_the_same_after_a_kill(tmp_path, monkeypatch):
    whole = train(tmp_path / "whole.pth")

    def killed(path, identity, state):
        saved(path, identity, state)
        if state["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("probing.dense.training.saved", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "state.pth")
    monkeypatch.undo()
    assert same(train(tmp_path / "state.pth"), whole)
    monkeypatch.setattr("probing.dense.training._Training.epoch", None)  # nothing is left to train
    assert same(train(tmp_path / "state.pth"), whole)


KILLED = """
import os, signal, sys
from pathlib import Path
import probing.dense.training as training
from tests.probing.dense.test_training import train
real, path = training.saved, Path(sys.argv[1])
def saved(where, identity, state):
    if state["epoch"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)  # the second epoch is trained, but not written
    real(where, identity, state)
training.saved = saved
train(path)
"""


def test_the_same_after_sigkill(tmp_path):
    path = tmp_path / "state.pth"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, timeout=300)
    assert done.returncode == -9, done.stderr
    assert torch.load(path, weights_only=True)["epoch"] == 1
    assert same(train(path), train(tmp_path / "whole.pth"))


def test_another_training_is_refused(tmp_path):
    path = tmp_path / "state.pth"
    train(path)
    with pytest.raises(ValueError, match=r"something else: weights was abc, is xyz. Give the same command to go on"):
        train(path, weights="xyz")
    with pytest.raises(ValueError, match=r"something else: recipe was dense-v1.*lr 0.05.*, is dense-v1.*lr 0.1"):
        train(path, recipe=dataclasses.replace(RECIPE, lr=0.1))
    with pytest.raises(ValueError, match=r"something else: layers was \[0, 2\], is \[1\]"):
        train(path, Memory([1]))
    path.write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"state.pth is no state of a dense probe .*: remove it"):
        train(path)


def test_nothing_to_learn(tmp_path):
    tokens = Memory()
    tokens.counts = tokens.counts * 0
    with pytest.raises(ValueError, match="no pixel of the training masks has a class: all are void"):
        train(tmp_path / "state.pth", tokens)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"epochs": 0}, "epochs=0; expected at least 1"),
        ({"lr": 0.0}, "lr=0.0; expected a learning rate above 0, such as 0.01"),
        ({"lr": float("nan")}, "lr=nan; expected"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0; expected 0 or more"),
    ],
)
def test_recipes_without_sense(wrong, text):
    with pytest.raises(ValueError, match=text):
        DenseRecipe(**wrong)
