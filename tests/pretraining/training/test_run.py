"""Trainings that go on: after an end, a stop, an error; the weights are those of a training that nobody disturbed."""

import dataclasses
import resource

import pandas as pd
import pytest
import torch

from models import load_model
from pretraining.training.checkpoint import CHECKPOINT, OURS, stored
from pretraining.training.losses import DivergedError
from pretraining.training.run import Training, train
from pretraining.training.stopping import Wish
from study.atomic import replacing
from tests.pretraining.training._weights import weights

METHODS = ("mocov3", "simmim", "mae", "hybrid", "supervised", "finetune")


def log(folder):
    return pd.read_csv(folder / "log.csv").drop(columns="images_per_second")


class StopAfter(Wish):
    """A wish to stop that comes after some steps."""

    def __init__(self, steps):
        self.left = steps

    @property
    def stop(self):
        self.left -= 1
        return self.left < 0

    @stop.setter
    def stop(self, value):
        pass


def stopped_early(monkeypatch, steps, *arguments):
    import contextlib

    import pretraining.training.run as run

    with monkeypatch.context() as patch:
        patch.setattr(run, "stop_wish", lambda: contextlib.nullcontext(StopAfter(steps)))
        return train(*arguments, device="cpu", progress=False)


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_training_goes_on_to_the_same_bits(method, photographs, small_recipe, tmp_path, monkeypatch):
    recipe = small_recipe(method)
    whole = train(recipe, str(photographs), tmp_path / "whole", device="cpu", progress=False)
    assert whole.finished and whole.images_seen == 4 * 40
    early = stopped_early(monkeypatch, 7, recipe, str(photographs), tmp_path / "parts")
    assert not early.finished and early.images_seen == 8 * 8
    assert train(recipe, str(photographs), tmp_path / "parts", device="cpu", progress=False).finished
    torch.testing.assert_close(weights(tmp_path / "parts"), weights(tmp_path / "whole"), rtol=0, atol=0)
    last = [log(tmp_path / name).iloc[-1] for name in ("parts", "whole")]
    pd.testing.assert_series_equal(*last, check_exact=True, check_names=False)


@pytest.mark.parametrize("method", METHODS)
def test_its_file_loads_like_a_published_one(method, photographs, small_recipe, tmp_path):
    recipe = small_recipe(method, "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0)
    outcome = train(recipe, str(photographs), tmp_path / "run", device="cpu", progress=False)
    model = load_model(outcome.checkpoint)
    assert model(torch.zeros(2, 3, 16, 16)).isfinite().all()
    assert model.blocks[0].attn.num_heads == 2
    assert model.pretrained_cfg["mean"] == tuple(recipe.DATA.MEAN)
    assert model.passport.saw_labels is (method in ("supervised", "finetune"))


def test_a_finished_training_is_left_as_it_is(photographs, small_recipe, tmp_path):
    recipe = small_recipe("simmim", "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0)
    first = train(recipe, str(photographs), tmp_path, device="cpu", progress=False)
    before = first.checkpoint.read_bytes()
    assert train(recipe, str(photographs), tmp_path, device="cpu", progress=False) == first
    assert first.checkpoint.read_bytes() == before


def test_accumulation_sees_the_same_images(photographs, small_recipe, tmp_path):
    whole = small_recipe("simmim", "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0)
    parts = small_recipe("simmim", "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0, "TRAIN.ACCUMULATE", 4)
    for name, recipe in {"whole": whole, "parts": parts}.items():
        train(recipe, str(photographs), tmp_path / name, device="cpu", progress=False)
    expected, found = (log(tmp_path / name)["loss"].iloc[-1] for name in ("whole", "parts"))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", ["mocov3", "hybrid"])
def test_accumulation_changes_what_contrastive_methods_learn(method, photographs, small_recipe, tmp_path):
    opts = ("SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0, "TRAIN.ACCUMULATE", 2)
    with pytest.warns(UserWarning, match=rf"ACCUMULATE is 2: {method} takes its negatives .* the 4 images .* all 8"):
        train(small_recipe(method, *opts), str(photographs), tmp_path, device="cpu", progress=False)


class TestRefusals:
    def begun(self, small_recipe, photographs, folder, method="simmim", *opts):
        recipe = small_recipe(method, "SCHEDULE.EPOCHS", 2, *opts)
        train(recipe, str(photographs), folder, device="cpu", progress=False)

    def test_another_recipe(self, photographs, small_recipe, tmp_path):
        self.begun(small_recipe, photographs, tmp_path)
        with pytest.raises(ValueError, match=r"another recipe: OPTIM\.LR.*the same recipe"):
            self.begun(small_recipe, photographs, tmp_path, "simmim", "OPTIM.LR", 0.5)

    def test_weights_that_the_method_would_not_use(self, photographs, small_recipe, tmp_path):
        with pytest.raises(ValueError, match=r"ENCODER\.WEIGHTS is 'mini-mae', but METHOD simmim starts from random"):
            self.begun(small_recipe, photographs, tmp_path / "run", "simmim", "ENCODER.WEIGHTS", "mini-mae")
        assert not (tmp_path / "run").exists()

    def test_fine_tuning_of_nothing(self, photographs, small_recipe, tmp_path):
        with pytest.raises(ValueError, match=r"ENCODER\.WEIGHTS is missing.*ENCODER\.WEIGHTS none"):
            self.begun(small_recipe, photographs, tmp_path / "run", "finetune", "ENCODER.WEIGHTS", "")
        assert not (tmp_path / "run").exists()

    def test_another_method(self, photographs, small_recipe, tmp_path):
        self.begun(small_recipe, photographs, tmp_path)
        with pytest.raises(ValueError, match=r"a training of simmim, not of mae.*--out"):
            self.begun(small_recipe, photographs, tmp_path, "mae")

    def test_other_images(self, photographs, small_recipe, tmp_path):
        self.begun(small_recipe, photographs, tmp_path)
        with pytest.raises(ValueError, match="trained on other images"):
            self.begun(small_recipe, photographs / "cat", tmp_path)

    def test_a_damaged_checkpoint_stays(self, photographs, small_recipe, tmp_path):
        self.begun(small_recipe, photographs, tmp_path)
        file = tmp_path / CHECKPOINT
        file.write_bytes(file.read_bytes()[:1000])
        with pytest.raises((ValueError, OSError), match=CHECKPOINT):
            self.begun(small_recipe, photographs, tmp_path)
        assert file.stat().st_size == 1000

    def test_somebody_elses_checkpoint(self, photographs, small_recipe, tmp_path):
        torch.save({"model": {"a": torch.ones(1)}}, tmp_path / CHECKPOINT)
        with pytest.raises(ValueError, match="not written by `python -m pretraining`"):
            self.begun(small_recipe, photographs, tmp_path)

    def test_fewer_images_than_a_batch(self, photographs, small_recipe, tmp_path):
        with pytest.raises(ValueError, match=r"40 images are fewer than one batch of TRAIN\.BATCH=64"):
            self.begun(small_recipe, photographs, tmp_path, "simmim", "TRAIN.BATCH", 64)

    @pytest.mark.parametrize("place", ["nowhere", "empty"])
    def test_no_images(self, place, small_recipe, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises((OSError, ValueError), match=place):
            self.begun(small_recipe, tmp_path / place, tmp_path / "run")

    def test_two_at_once(self, photographs, small_recipe, tmp_path):
        from filelock import FileLock

        with FileLock(tmp_path / ".lock"), pytest.raises(OSError, match="another process works"):
            self.begun(small_recipe, photographs, tmp_path)


class TestTrouble:
    def test_a_loss_that_is_no_number_leaves_the_last_checkpoint(
        self, photographs, small_recipe, tmp_path, monkeypatch
    ):
        recipe = small_recipe("simmim", "TRAIN.SAVE_EVERY", 1.0)
        stopped_early(monkeypatch, 7, recipe, str(photographs), tmp_path)
        before = (tmp_path / CHECKPOINT).read_bytes()
        original = Training._one_step

        def poisoned(training, batches):
            parts = original(training, batches)
            return {**parts, "loss": parts["loss"] * float("nan")}

        monkeypatch.setattr(Training, "_one_step", poisoned)
        with pytest.raises(DivergedError, match=r"became nan.*Lower OPTIM\.LR.*holds the weights of 64 images"):
            train(recipe, str(photographs), tmp_path, device="cpu", progress=False)
        assert (tmp_path / CHECKPOINT).read_bytes() == before

    def test_a_gradient_that_is_no_number_leaves_the_last_checkpoint(
        self, photographs, small_recipe, tmp_path, monkeypatch
    ):
        recipe = small_recipe("simmim", "TRAIN.SAVE_EVERY", 0.2)  # every step
        stopped_early(monkeypatch, 7, recipe, str(photographs), tmp_path)
        before = (tmp_path / CHECKPOINT).read_bytes()
        original = Training._one_step

        def poisoned(training, batches):
            norm = training.objective.encoder.norm.weight
            hook = norm.register_hook(lambda gradient: gradient * float("nan"))
            parts = original(training, batches)
            hook.remove()
            assert parts["loss"].isfinite()
            return parts

        monkeypatch.setattr(Training, "_one_step", poisoned)
        said = r"NaN or infinite after 72 images, though the loss is 0\.\d+: encoder.* of 32\).*weights of 64"
        with pytest.raises(DivergedError, match=said):
            train(recipe, str(photographs), tmp_path, device="cpu", progress=False)
        assert (tmp_path / CHECKPOINT).read_bytes() == before

    def test_what_a_killed_save_left_is_removed(self, photographs, small_recipe, tmp_path):
        with pytest.raises(KeyboardInterrupt), replacing(tmp_path / CHECKPOINT) as part:
            part.rename(part.with_suffix(".kept"))
            left = part
            raise KeyboardInterrupt
        left.with_suffix(".kept").rename(left)  # as SIGKILL would have left it
        others = [tmp_path / name for name in (".checkpoint-mine.pth", "checkpoint-abcdefgh.pth", ".log-abcdefgh.csv")]
        for other in others:
            other.touch()
        recipe = small_recipe("simmim", "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0)
        assert train(recipe, str(photographs), tmp_path, device="cpu", progress=False).finished
        assert not left.exists() and all(other.exists() for other in others)

    def test_a_full_disk_leaves_the_last_checkpoint(self, photographs, small_recipe, tmp_path, monkeypatch):
        recipe = small_recipe("simmim")
        stopped_early(monkeypatch, 7, recipe, str(photographs), tmp_path)
        before = (tmp_path / CHECKPOINT).read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
        try:
            with pytest.raises(OSError, match=r"could not be written.*is whole.*Make room"):
                train(recipe, str(photographs), tmp_path, device="cpu", progress=False)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (tmp_path / CHECKPOINT).read_bytes() == before
        assert train(recipe, str(photographs), tmp_path, device="cpu", progress=False).finished


def test_the_checkpoint_says_where_it_comes_from(photographs, small_recipe, tmp_path):
    recipe = small_recipe("mae", "SCHEDULE.EPOCHS", 2)
    outcome = train(recipe, str(photographs), tmp_path, device="cpu", progress=False, command="typed")
    payload, written = stored(outcome.checkpoint)
    known = payload[OURS]
    assert written == recipe
    assert (known["images_seen"], known["command"], known["method"]) == (80, "typed", "mae")
    assert known["losses"]["loss"] > 0
    assert dataclasses.asdict(outcome)["images_seen"] == 80


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_hybrid_of_one_loss_trains_without_the_other_part(weight, photographs, small_recipe, tmp_path):
    recipe = small_recipe("hybrid", "HYBRID.LAMBDA", weight, "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0)
    assert train(recipe, str(photographs), tmp_path, device="cpu", progress=False).finished
    assert (tmp_path / "reconstructions").exists() == (weight < 1)
