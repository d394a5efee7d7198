"""Fine-tuning as a training: it begins with weights, goes on with the same ones, and its file is a classifier."""

import shutil

import pytest
import torch
import yaml

from models import image_transform, load_model
from pretraining.export import export
from pretraining.objectives import build_objective
from pretraining.starting_weights import recipe_from
from pretraining.training.checkpoint import CHECKPOINT, OURS, stored
from pretraining.training.run import train
from pretraining.training.trained import trained_classifier
from tests.models._tiny import beit, saved, vit
from tests.pretraining.training._weights import weights
from tests.pretraining.training.test_run import stopped_early

QUICK = [
    *("TRAIN.BATCH", 8, "TRAIN.PRECISION", "float32", "DATA.WORKERS", 0, "WATCH.IMAGES", 4, "SCHEDULE.EPOCHS", 2),
    *("ENCODER.NUM_HEADS", 3, "ENCODER.DROP_PATH", 0.2, "FINETUNE.MIXUP", 0.8, "FINETUNE.CUTMIX", 1.0),
    *("VIEWS.FINETUNE.AUGMENT", "rand-m9-mstd0.5-inc1", "VIEWS.FINETUNE.ERASING", 0.25),
]


def simmim(folder):
    state = {f"encoder.{name}": value for name, value in beit().state_dict().items()}
    state |= {"encoder.mask_token": torch.zeros(1, 1, 24), "decoder.0.weight": torch.rand(192, 24, 1, 1)}
    return saved({"model": {**state, "decoder.0.bias": torch.rand(192)}}, folder / "start.pth")


def recipe_of(path, *opts):
    return recipe_from("mini_finetune", [str(word) for word in ("ENCODER.WEIGHTS", path, *QUICK, *opts)])


@pytest.fixture
def start(tmp_path):
    return saved({"model": vit().state_dict()}, tmp_path / "start.pth")


def trained(path, photographs, out, *opts):
    return train(recipe_of(path, *opts), str(photographs), out, device="cpu", progress=False)


def test_with_everything_random_it_goes_on_to_the_same_bits(start, photographs, tmp_path, monkeypatch):
    """Mixing, drop path, automatic augmentation and erasing are functions of the position."""
    trained(start, photographs, tmp_path / "whole")
    early = stopped_early(monkeypatch, 3, recipe_of(start), str(photographs), tmp_path / "parts")
    assert not early.finished
    torch.rand(7)
    assert trained(start, photographs, tmp_path / "parts", "DATA.WORKERS", 1).finished
    torch.testing.assert_close(weights(tmp_path / "parts"), weights(tmp_path / "whole"), rtol=0, atol=0)


def test_other_weights_are_refused(start, photographs, tmp_path):
    trained(start, photographs, tmp_path / "run", "SCHEDULE.EPOCHS", 1)
    moved = shutil.move(start, tmp_path / "moved.pth")
    assert trained(moved, photographs, tmp_path / "run", "SCHEDULE.EPOCHS", 1).finished
    other = saved({"model": vit().state_dict()}, tmp_path / "other.pth")
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match=r"began with other weights: sha256 \w{12} then, \w{12} now.*same weights"):
        trained(other, photographs, tmp_path / "run", "SCHEDULE.EPOCHS", 1)
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


@pytest.mark.parametrize("pooling", ["patches", "class_token"])
@pytest.mark.parametrize(
    ("family", "bias"), [("vit", "kept"), ("simmim", "block"), ("simmim", "kept")], ids=["vit", "block", "shared"]
)
def test_its_file_is_a_classifier(family, bias, pooling, start, photographs, tmp_path):
    path = start if family == "vit" else simmim(tmp_path)
    opts = ("SCHEDULE.EPOCHS", 1, "FINETUNE.POOLING", pooling, "FINETUNE.RELATIVE_BIAS", bias)
    checkpoint = trained(path, photographs, tmp_path / "run", *opts).checkpoint
    payload, recipe = stored(checkpoint)
    objective = build_objective(recipe, classes=2)
    objective.load_checkpoint_entry(payload)
    images = torch.randn(2, 3, 32, 32)
    expected = objective.encoder.eval()(images)
    model = trained_classifier(checkpoint)
    torch.testing.assert_close(model(images), expected, rtol=0, atol=0)
    assert image_transform(model)
    published = load_model(checkpoint)
    assert published.passport.saw_labels
    torch.testing.assert_close(published(images), expected, rtol=1e-5, atol=1e-6)
    exported = load_model(export(checkpoint, tmp_path / "mine.safetensors")[0])
    features = published.forward_head(published.forward_features(images), pre_logits=True)
    torch.testing.assert_close(exported(images), features, rtol=1e-5, atol=1e-6)
    assert exported.passport.saw_labels and "fine-tuned, 40 images seen" in exported.passport.note
    assert str(tmp_path) not in (tmp_path / "mine.json").read_text()


def test_the_start_s_licence_goes_with_the_weights(photographs, tmp_path):
    opts = [str(word) for word in (*QUICK, "SCHEDULE.EPOCHS", 1)]
    recipe = recipe_from("mini_finetune", ["ENCODER.WEIGHTS", "mini-mae", *opts])
    checkpoint = train(recipe, str(photographs), tmp_path, device="cpu", progress=False).checkpoint
    assert load_model(export(checkpoint, tmp_path / "mine.safetensors")[0]).passport.licence == "MIT"


def test_a_method_without_labels_has_no_classifier(photographs, small_recipe, tmp_path):
    recipe = small_recipe("simmim", "SCHEDULE.EPOCHS", 1, "SCHEDULE.WARMUP_EPOCHS", 0)
    checkpoint = train(recipe, str(photographs), tmp_path, device="cpu", progress=False).checkpoint
    with pytest.raises(ValueError, match="a training of simmim, which has no classifier"):
        trained_classifier(checkpoint)


def test_images_without_labels(start, photographs, tmp_path):
    shutil.copytree(photographs / "cat", tmp_path / "flat")
    with pytest.raises(ValueError, match=r"METHOD=finetune needs .*(labels|at least 2 classes)"):
        trained(start, tmp_path / "flat", tmp_path / "run")


def test_trainings_of_versions_without_fine_tuning_go_on(photographs, small_recipe, tmp_path, monkeypatch):
    """Their recipes and checkpoints lack what is new; all of that is at its default."""
    recipe = small_recipe("hybrid", "SCHEDULE.EPOCHS", 2)
    stopped_early(monkeypatch, 3, recipe, str(photographs), tmp_path)
    payload = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    known, tree = payload[OURS], yaml.safe_load(payload[OURS]["recipe"])
    for lacking in (known.pop("start_sha256"), known.pop("keys"), tree["ENCODER"].pop("WEIGHTS")):
        assert not lacking
    del tree["FINETUNE"], tree["VIEWS"]["FINETUNE"]
    known["recipe"] = yaml.safe_dump(tree)
    torch.save(payload, tmp_path / CHECKPOINT)
    assert train(recipe, str(photographs), tmp_path, device="cpu", progress=False).finished
