"""AbMILP trained on tokens: as each rate would be alone, the same after a kill, chosen without the test images."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pretraining.data.order import order
from pretraining.optimisation.lars import LARS
from pretraining.optimisation.schedules import cosine_lr
from probing.aggregation.abmilp import AbMILP, AbMILPOptions
from probing.aggregation.training import train_abmilp
from probing.linear.training import Plan, split
from probing.presets import preset
from tests.probing.aggregation._planted import CHANNELS, CLASSES, LAYOUT, planted

ROOT = Path(__file__).parents[3]
SGD = dataclasses.replace(preset("beyond-cls"), optimiser="sgd", lr=0.5, warmup_epochs=0, weight_decay=1e-3)
QUIET = {"classes": CLASSES, "layout": LAYOUT, "progress": False}


def plan_of(recipe, rates=(1.0,), epochs=3, batch=16):
    return Plan(recipe, rates, epochs=epochs, batch=batch, seed=5)


def alone(tokens, labels, plan, rate, options, images):
    """One head, with torch's own layers and a plain loop."""
    recipe = plan.preset
    torch.manual_seed(plan.seed)
    pooling = AbMILP(CHANNELS, **dataclasses.asdict(options), grid=LAYOUT.grid)
    torch.manual_seed(plan.seed)
    head = nn.Linear(CHANNELS, CLASSES)
    if recipe.init_std is not None:
        nn.init.normal_(head.weight, std=recipe.init_std)
        nn.init.zeros_(head.bias)
    norm = nn.BatchNorm1d(CHANNELS, affine=False, eps=1e-6) if recipe.batch_norm else nn.Identity()
    matrices = [p for p in [*pooling.parameters(), *head.parameters()] if p.ndim > 1]
    vectors = [p for p in [*pooling.parameters(), *head.parameters()] if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = (LARS if recipe.optimiser == "lars" else torch.optim.SGD)(groups, lr=0.0, momentum=0.9)
    steps = len(images) // plan.batch
    for epoch in range(plan.epochs):
        shuffled = images[order(len(images), seed=plan.seed, epoch=epoch)]
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = cosine_lr(
                    epoch + step / steps,
                    lr=rate * recipe.lr * plan.batch / 256,
                    epochs=plan.epochs,
                    warmup=recipe.warmup_epochs * plan.epochs / recipe.epochs,
                )
            numbers = shuffled[step * plan.batch : (step + 1) * plan.batch]
            pooled, _ = pooling(torch.from_numpy(tokens[numbers]), prefix=LAYOUT.prefix)
            loss = nn.functional.cross_entropy(head(norm(pooled)), labels[numbers])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    norm.eval()
    return lambda seen: head(norm(pooling(torch.from_numpy(seen), prefix=LAYOUT.prefix)[0]))


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        (preset("beyond-cls"), AbMILPOptions()),
        (SGD, AbMILPOptions(condition="positions", content="all")),
        (SGD, AbMILPOptions(depth=2, activation="tanh", self_attention="both")),
        (dataclasses.replace(SGD, batch_norm=False, init_std=0.01), AbMILPOptions(self_attention="map")),
    ],
    ids=["headline", "positions", "deep", "map"],
)
def test_each_rate_is_trained_as_it_would_be_alone(recipe, options):
    tokens, labels, _ = planted(100)
    test, _, _ = planted(30, seed=1)
    plan = plan_of(recipe, rates=(0.5, 2.0))
    found = train_abmilp(tokens, labels, test, plan=plan, options=options, **QUIET)
    fit, _ = split(labels, plan.rates)
    for rate, logits in zip(plan.rates, found.test_logits, strict=True):
        expected = alone(tokens, labels, plan, rate, options, fit)(test).detach()
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)  # sums in another order


def test_it_finds_the_patch_that_knows():
    tokens, labels, _ = planted(400)
    test, test_labels, place = planted(200, seed=1)
    plan = plan_of(SGD, rates=(0.3, 3.0), epochs=15, batch=32)
    found = train_abmilp(tokens, labels, test, plan=plan, **QUIET)
    assert (found.logits.argmax(1) == test_labels).double().mean() > 0.9
    weights = found.weights(torch.from_numpy(test))
    torch.testing.assert_close(weights.sum(1), torch.ones(200), rtol=0, atol=1e-5)
    assert (weights.argmax(1) == place).double().mean() > 0.9


def test_the_rate_is_chosen_on_held_out_training_images_alone():
    tokens, labels, _ = planted(200)
    plan = plan_of(SGD, rates=(1e-6, 2.0), epochs=10)
    test, _, _ = planted(10, seed=1)
    found = train_abmilp(tokens, labels, test, plan=plan, **QUIET)
    assert found.chosen == 1 and found.held_out[1] > found.held_out[0]
    assert "lr 1 x batch/256 (the largest tried) chosen on 18 held-out images" in found.recipe
    assert found.recipe.endswith("AbMILP headline setting")
    worse = np.array(tokens)
    worse[split(labels, plan.rates)[1].numpy()] = 0  # nothing is learned from these
    again = train_abmilp(worse, labels, test, plan=plan, **QUIET)
    torch.testing.assert_close(again.test_logits, found.test_logits, rtol=0, atol=0)
    assert again.held_out != found.held_out
    one = train_abmilp(tokens, labels, test, plan=plan_of(SGD, rates=(2.0,)), **QUIET)
    assert one.chosen == 0 and one.held_out == () and "chosen" not in one.recipe


def test_only_the_images_that_may_be_learned_from():
    tokens, labels, _ = planted(60)
    few = torch.arange(0, 60, 2)
    plan = plan_of(SGD)
    found = train_abmilp(tokens, labels, tokens[:5], plan=plan, images=few, **QUIET)
    expected = train_abmilp(tokens[::2].copy(), labels[::2], tokens[:5], plan=plan, **QUIET)
    torch.testing.assert_close(found.test_logits, expected.test_logits, rtol=0, atol=0)


def test_a_rate_that_runs_away_is_not_chosen():
    tokens, labels, _ = planted(60)
    wild = dataclasses.replace(SGD, batch_norm=False)
    found = train_abmilp(tokens, labels, tokens[:5], plan=plan_of(wild, rates=(1e30, 1.0)), **QUIET)
    assert found.chosen == 1 and found.logits.isfinite().all()
    with pytest.raises(ValueError, match=r"no numbers at every rate of 1e\+30, 1e\+31: choose smaller ones"):
        train_abmilp(tokens, labels, tokens[:5], plan=plan_of(wild, rates=(1e30, 1e31)), **QUIET)


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
import torch
from probing.aggregation import steps
from tests.probing.aggregation import test_training as here

steps.SAVE_EVERY = -1.0
save, last = steps.Training._save, int(sys.argv[2])

def killed(training, state, fingerprint, step):
    save(training, state, fingerprint, step)
    if step == last:
        os.kill(os.getpid(), signal.SIGKILL)

steps.Training._save = killed
here.resumable(Path(sys.argv[1]))
"""


def resumable(folder):
    """A training on tokens on the disk, with a state beside them."""
    tokens = np.load(folder / "tokens.npy", mmap_mode="r")
    labels = torch.from_numpy(np.load(folder / "labels.npy"))
    plan = plan_of(preset("beyond-cls"), rates=(1.0, 30.0), epochs=4)
    return train_abmilp(tokens, labels, tokens[:7], plan=plan, state=folder / "state.pt", identity="a", **QUIET)


def test_killed_and_gone_on_with_is_the_same_bit_for_bit(tmp_path):
    tokens, labels, _ = planted(100)
    np.save(tmp_path / "tokens.npy", tokens)
    np.save(tmp_path / "labels.npy", labels.numpy())
    expected = resumable(tmp_path).test_logits
    assert not (tmp_path / "state.pt").exists()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), "8"], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 8
    assert torch.equal(resumable(tmp_path).test_logits, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.npy", "tokens.npy"]


def test_a_state_of_something_else_is_not_gone_on_with(tmp_path, monkeypatch):
    tokens, labels, _ = planted(40)
    state, kept = tmp_path / "state.pt", tmp_path / "kept.pt"
    monkeypatch.setattr("probing.aggregation.steps.SAVE_EVERY", -1.0)
    monkeypatch.setattr(Path, "unlink", lambda path, **_: path.rename(kept) if path == state else None)
    given = {"plan": plan_of(SGD), "state": state, **QUIET}
    train_abmilp(tokens, labels, tokens[:5], identity="a", **given)
    kept.rename(state)
    changed = labels.flip(0)
    expected = train_abmilp(tokens, changed, tokens[:5], identity="a", **{**given, "state": None})
    found = train_abmilp(tokens, changed, tokens[:5], identity="a", **given)
    assert torch.equal(found.test_logits, expected.test_logits)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc] . PytorchStreamWriter failed writing file")

    tokens, labels, _ = planted(40)
    monkeypatch.setattr("probing.aggregation.steps.SAVE_EVERY", -1.0)
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"state after step 1 could not be written to .*make room and give the same"):
        train_abmilp(tokens, labels, tokens[:5], plan=plan_of(SGD), state=tmp_path / "state.pt", **QUIET)
    assert not list(tmp_path.iterdir())


def test_errors_name_the_mistake():
    tokens, labels, _ = planted(40)
    plan = plan_of(SGD)
    with pytest.raises(ValueError, match=r"preset lbfgs takes all images at once.*choose beyond-cls, mae or mocov3"):
        train_abmilp(tokens, labels, tokens, plan=plan_of(preset("lbfgs")), **QUIET)
    with pytest.raises(ValueError, match=r"test_tokens has shape \(40, 13, 12\).*with 14 tokens"):
        train_abmilp(tokens, labels, tokens[:, 1:], plan=plan, **QUIET)
    with pytest.raises(ValueError, match="labels has 39 entries for 40 images"):
        train_abmilp(tokens, labels[1:], tokens, plan=plan, **QUIET)
    with pytest.raises(ValueError, match="labels run from 0 to 2 with classes=2; expected 0 to classes - 1"):
        train_abmilp(tokens, labels, tokens, plan=plan, **{**QUIET, "classes": 2})
