"""Fine-tuning: mixing, loss, and how fast each layer learns."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pretraining.objectives import build_objective
from pretraining.objectives.finetune import mixed
from pretraining.optimisation import build_optimiser
from pretraining.starting_weights import recipe_from
from tests.models._tiny import SIZES, beit, saved, vit
from tests.pretraining.objectives.recipes import small_recipe

PLAIN = ("FINETUNE.MIXUP", 0.0, "FINETUNE.CUTMIX", 0.0)


def batch_of(count):
    random = torch.Generator().manual_seed(1)
    return {"image": torch.randn(count, 3, 16, 16, generator=random), "label": torch.arange(count) % 3}


def objective_of(*opts, classes=3):
    torch.manual_seed(0)
    return build_objective(small_recipe("finetune", "FINETUNE.HEAD_STD", 0.5, *opts), classes=classes).double().train()


def double(batch):
    return {name: value.double() if value.is_floating_point() else value for name, value in batch.items()}


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("pooling", ["patches", "class_token"])
def test_unmixed_loss_is_plain_cross_entropy(pooling, smoothing):
    objective = objective_of(*PLAIN, "FINETUNE.POOLING", pooling, "FINETUNE.LABEL_SMOOTHING", smoothing)
    batch = double(batch_of(5))  # an odd number is welcome
    logits = objective.encoder(batch["image"])
    parts = objective(batch)
    expected = F.cross_entropy(logits, batch["label"], label_smoothing=smoothing)
    torch.testing.assert_close(parts["loss"], expected, rtol=1e-12, atol=0)
    assert parts["accuracy"] == (logits.argmax(1) == batch["label"]).double().mean()


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.8, 0.0), (0.0, 1.0), (0.8, 1.0)])
def test_mixed_images_and_targets(mixup, cutmix):
    """By the definitions: each target says how much of each image is in the picture, with smoothing."""
    smoothing, classes, count = 0.1, 4, 8
    objective = objective_of(
        "FINETUNE.MIXUP", mixup, "FINETUNE.CUTMIX", cutmix, "FINETUNE.LABEL_SMOOTHING", smoothing, classes=classes
    )
    images = torch.arange(count, dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, 3, 16, 16).clone()
    labels = torch.arange(count) % classes
    seen = set()
    for seed in range(6):
        torch.manual_seed(seed)
        pictures, target = mixed(objective.mixing, images, labels)
        torch.testing.assert_close(target.sum(1), torch.ones(count), rtol=1e-6, atol=0)
        own = 1 - (pictures[0].mean() / (count - 1)).item()  # image 0 is black, its partner count - 1
        hard = F.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
        expected = own * hard + (1 - own) * hard.flip(0)
        torch.testing.assert_close(target, expected.float(), rtol=1e-4, atol=1e-5)
        seen.add("cut" if set(pictures[0].unique().tolist()) <= {0.0, count - 1.0} else "mixed")
        assert images[3].eq(3).all()
    assert seen == {kind for kind, alpha in (("mixed", mixup), ("cut", cutmix)) if alpha}


def test_mixed_loss_by_hand():
    objective = objective_of()
    batch = double(batch_of(6))
    torch.manual_seed(5)
    loss = objective(batch)["loss"]
    torch.manual_seed(5)
    images, target = mixed(objective.mixing, batch["image"], batch["label"])
    logs = objective.encoder(images).log_softmax(1)
    torch.testing.assert_close(loss, -(target.double() * logs).sum(1).mean(), rtol=1e-12, atol=0)


def test_mixing_depends_on_torchs_seed_alone():
    objective, batch = objective_of(), double(batch_of(6))
    torch.manual_seed(2)
    first = objective(batch)["loss"]
    np.random.rand(3)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    torch.manual_seed(2)
    assert objective(batch)["loss"] == first
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    torch.manual_seed(3)
    assert objective(batch)["loss"] != first


def test_nothing_is_mixed_in_eval_mode():
    objective, batch = objective_of("FINETUNE.LABEL_SMOOTHING", 0.0).eval(), double(batch_of(6))
    expected = F.cross_entropy(objective.encoder(batch["image"]), batch["label"])
    torch.testing.assert_close(objective(batch)["loss"], expected, rtol=1e-12, atol=0)


def test_an_odd_part_cannot_be_mixed():
    with pytest.raises(ValueError, match="5 images in a part of the batch, but mixup and cutmix need an even number"):
        objective_of()(double(batch_of(5)))
    with pytest.raises(ValueError, match=r"TRAIN\.BATCH is 10 in TRAIN\.ACCUMULATE, 2, parts, expected an even"):
        small_recipe("finetune", "TRAIN.BATCH", 10, "TRAIN.ACCUMULATE", 2)
    small_recipe("finetune", "TRAIN.BATCH", 10, "TRAIN.ACCUMULATE", 2, *PLAIN)


def test_one_class_is_nothing_to_learn():
    with pytest.raises(ValueError, match=r"METHOD=finetune needs images of at least 2 classes, these are of 1"):
        objective_of(classes=1)


def weights_of(case, folder):
    """A file with the depth and the kind of positions of a golden case, before fine-tuning."""
    sizes = {**SIZES, "img_size": 16, "patch_size": 8, "depth": case["depth"]}
    shared = any("relative_position_bias_table" in name for group in case["groups"] for name in group["names"])
    if not shared:
        return saved({"model": vit(**sizes).state_dict()}, folder / "vit.pth")
    state = {f"encoder.{name}": value for name, value in beit(**sizes, qkv_bias=True).state_dict().items()}
    state |= {"encoder.mask_token": torch.zeros(1, 1, 24), "decoder.0.weight": torch.rand(192, 24, 1, 1)}
    return saved({"model": {**state, "decoder.0.bias": torch.rand(192)}}, folder / "simmim.pth")


def contents(groups):
    """(scale, decay, names) of each group, the names as the official code has them."""
    return sorted(
        (group["lr_scale"], group["weight_decay"], *sorted(name.removeprefix("encoder.") for name in group["names"]))
        for group in groups
    )


@pytest.mark.parametrize("title", ["simmim_finetune_vit12_0.65", "vit12_pooled_0.65", "vit12_token_0.75"])
def test_golden_layer_decay(title, golden, tmp_path):
    """The whole way: a pre-trained file, the fine-tuning objective around it, its optimiser's groups."""
    case = json.loads((golden / "objectives" / "layer_decay.json").read_text())[title]
    names = {name for group in case["groups"] for name in group["names"]}
    opts = {
        "ENCODER.WEIGHTS": weights_of(case, tmp_path),
        "ENCODER.NUM_HEADS": 3,
        "FINETUNE.POOLING": "patches" if "fc_norm.weight" in names else "class_token",
        "FINETUNE.RELATIVE_BIAS": "block" if any("bias_table" in name for name in names) else "kept",
        "OPTIM.LAYER_DECAY": case["layer_decay"],
        "OPTIM.WEIGHT_DECAY": case["weight_decay"],
        "OPTIM.DECAY": "weights",
    }
    recipe = recipe_from("mini_finetune", [str(word) for pair in opts.items() for word in pair])
    found = contents(build_optimiser(build_objective(recipe, classes=3), recipe).param_groups)
    for own, expected in zip(found, contents(case["groups"]), strict=True):
        assert own[0] == pytest.approx(expected[0], rel=1e-12)
        assert own[1:] == expected[1:]
