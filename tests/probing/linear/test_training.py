"""Whole trainings: split, choice of the rate, going on after a kill, augmentation."""

import dataclasses

import numpy as np
import pytest
import torch

from models import load_model
from probing.data import labelled_images
from probing.features.frozen import Cell, Frozen
from probing.linear import training
from probing.linear.grid import Grid
from probing.linear.probes import Probe, Probes
from probing.linear.sources import Augmented, Cached
from probing.linear.training import Plan, chosen_probes, recipe_text, split, train
from probing.presets import preset
from tests.probing._images import folders

CLASSES = 3


def problem(images=90, cells=2, channels=6):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (images,), generator=generator)
    centres = torch.randn(CLASSES, cells, channels, generator=generator)
    features = centres[labels] + 0.7 * torch.randn(images, cells, channels, generator=generator)
    return Grid([features[:, cell].numpy() for cell in range(cells)]), labels


def trained(grid, labels, plan, images, **options):
    batch = plan.of_batch(len(images))
    source = Cached(grid, labels, images, batch=batch, seed=plan.seed)
    return train(
        source,
        cells=len(grid),
        channels=grid.channels,
        classes=CLASSES,
        plan=plan,
        batch=batch,
        progress=False,
        **options,
    )


PLAN = Plan(preset("mae"), rates=(0.1, 30.0), epochs=6, batch=20)


def test_grid_on_disk_gives_the_same_rows(tmp_path):
    held, _ = problem()
    np.save(tmp_path / "a.npy", held.arrays[0])
    np.save(tmp_path / "b.npy", held.arrays[1])
    mapped = [np.load(tmp_path / name, mmap_mode="r") for name in ("a.npy", "b.npy")]
    images = torch.tensor([5, 0, 7, 5])
    torch.testing.assert_close(Grid(mapped, memory=0).rows(images), held.rows(images), rtol=0, atol=0)
    with pytest.raises(ValueError, match="expected one shape"):
        Grid([held.arrays[0], held.arrays[1][:5]])


def test_held_out_images_are_not_trained_on_and_choose_the_rate():
    grid, labels = problem()
    fit, held = split(labels, PLAN.rates)
    assert not set(fit.tolist()) & set(held.tolist()) and len(fit) + len(held) == 90
    assert [(labels[held] == label).sum().item() for label in range(3)] == [
        (labels == label).sum().item() // 10 for label in range(3)
    ]
    probes = trained(grid, labels, PLAN, fit)
    best = chosen_probes(probes, grid.rows, labels, held, plan=PLAN, batch=20, images=len(fit))
    right = (probes.logits(grid.rows(held)).argmax(2) == labels[held]).sum(-1)
    for cell, probe in enumerate(best):
        rate = right[cell].argmax().item()
        torch.testing.assert_close(probe.weight, probes.classifier(cell, rate)["weight"])
        edge = ("the smallest tried", "the largest tried")[rate]
        assert f"lr {0.1 * PLAN.rates[rate]:.3g} x batch/256 ({edge}) chosen on {len(held)} held-out" in probe.recipe
        torch.testing.assert_close(
            probe.logits(grid.rows(held)[:, cell]), probes.logits(grid.rows(held))[cell, rate].T, rtol=1e-4, atol=1e-5
        )


def test_a_rate_that_ran_away_is_not_chosen():
    grid, labels = problem()
    plan = dataclasses.replace(PLAN, rates=(1e40, 1.0))
    fit, held = split(labels, plan.rates)
    probes = trained(grid, labels, plan, fit)
    best = chosen_probes(probes, grid.rows, labels, held, plan=plan, batch=20, images=len(fit))
    assert all(probe.weight.isfinite().all() and "lr 0.1 " in probe.recipe for probe in best)


def test_one_rate_needs_no_held_out_images():
    fit, held = split(torch.arange(90) % 3, (1.0,))
    assert len(fit) == 90 and not len(held)


def test_every_class_is_in_both_parts_however_few_images_it_has():
    labels = torch.arange(40) % 10
    fit, held = split(labels, (0.1, 1.0))
    assert set(labels[fit].tolist()) == set(labels[held].tolist()) == set(range(10))
    with pytest.raises(ValueError, match="class 0 has a single training image, which cannot both teach and choose"):
        split(torch.arange(10), (0.1, 1.0))
    assert len(split(torch.arange(10), (1.0,))[0]) == 10


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    grid, labels = problem()
    images, state = torch.arange(90), tmp_path / "probes.pt"
    whole = trained(grid, labels, PLAN, images)
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    real, left = training.learning_rate, [13]

    def dying(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(training, "learning_rate", dying)
    with pytest.raises(KeyboardInterrupt):
        trained(grid, labels, PLAN, images, state=state)
    left[0] = -1
    assert torch.load(state, weights_only=True)["step"] == 12
    again = trained(grid, labels, PLAN, images, state=state)
    assert -left[0] - 1 == PLAN.of_epochs() * 4 - 12  # steps that were left to do: of 90 images, 4 batches of 20
    for name, value in whole.state.items():
        torch.testing.assert_close(again.state[name], value, rtol=0, atol=0)
    assert not state.exists()


def test_a_state_of_another_training_is_not_gone_on_with(tmp_path, monkeypatch):
    grid, labels = problem()
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    state = tmp_path / "probes.pt"
    monkeypatch.setattr(type(state), "unlink", lambda *_, **__: None)
    trained(grid, labels.roll(1), PLAN, torch.arange(90), state=state, identity="one")
    assert state.exists()
    other = trained(grid, labels, PLAN, torch.arange(90), state=state, identity="another")
    torch.testing.assert_close(
        other.state["weight"], trained(grid, labels, PLAN, torch.arange(90)).state["weight"], rtol=0, atol=0
    )


def test_rates_that_all_run_away_are_told():
    grid, labels = problem()
    plan = Plan(dataclasses.replace(preset("mocov3"), lr=1e40), rates=(1.0, 2.0), epochs=3, batch=20)
    with pytest.raises(ValueError, match=r"2 of 2 layers and poolings .* no numbers at every rate of 1.0, 2.0"):
        trained(grid, labels, plan, torch.arange(90))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rates": ()}, "rates"),
        ({"rates": (0.0,)}, "factors above 0"),
        ({"epochs": 0}, "epochs=0; expected at least 1"),
    ],
)
def test_plan_errors(options, text):
    with pytest.raises(ValueError, match=text):
        Plan(preset("mae"), **options)


def test_recipe_says_what_was_used():
    text = recipe_text(Plan(preset("mae"), seed=3), 1.0, 512, 0, 900)
    assert text == "mae-v1: lars, lr 0.1 x batch/256, batch 512, 90 epochs, 900 training images, seed 3"
    text = recipe_text(Plan(preset("lbfgs"), rates=(1.0, 10.0, 30.0)), 10.0, 0, 7, 63)
    assert text == "lbfgs-v1: weight decay 0.001 chosen on 7 held-out images, 63 training images"


def test_augmented_batches_are_the_same_from_any_step_on(tmp_path):
    images = labelled_images(str(folders(tmp_path, train=4, test=1) / "train"))
    model, cells = load_model("mini-simmim"), (Cell(0, "patches"), Cell(8, "patches"))
    labels = torch.tensor(images.labels)

    def source(**options):
        frozen = Frozen(model, cells)
        return Augmented(frozen, cells, images, labels, torch.arange(12), batch=6, seed=0, **options)

    whole = list(source().batches(0, 2))
    assert len(whole) == 4 and whole[0][0].shape == (6, 2, 96)
    assert not torch.equal(whole[0][0].sort(0).values, whole[2][0].sort(0).values)  # other crops in the next epoch
    for (one, classes), (other, expected) in zip(source(passed_at_once=3).batches(1, 2), whole[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        assert torch.equal(classes, expected)


def test_probes_are_written_and_read(tmp_path):
    cells = {Cell(0, "patches"): Probe(torch.rand(3, 4), torch.rand(3), torch.rand(4), torch.rand(4), "mae-v1: x")}
    cells[Cell(2, "both")] = Probe(torch.rand(3, 8), torch.rand(3), None, None, "mocov3-v1: y")
    written = Probes("mini-moco", "final", ("a", "b", "c"), cells, "0f")
    read = Probes.load(written.save(tmp_path / "probes.safetensors"))
    assert (read.model, read.norm, read.classes, read.cells) == ("mini-moco", "final", ("a", "b", "c"), tuple(cells))
    assert read.weights == "0f"
    vectors = {Cell(0, "patches"): torch.rand(5, 4), Cell(2, "both"): torch.rand(5, 8)}
    for cell, logits in read.logits(vectors).items():
        torch.testing.assert_close(logits, written.logits(vectors)[cell], rtol=0, atol=0)
        assert read.recipe(cell) == cells[cell].recipe
    from safetensors.torch import save_file

    save_file({"x": torch.rand(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="holds no linear probes"):
        Probes.load(tmp_path / "other.safetensors")
