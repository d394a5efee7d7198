"""The view of fine-tuning against timm's transform, and what decides it."""

import random

import numpy as np
import pytest
import torch
from timm.data import create_transform

from pretraining.data.augmented import AugmentedView


def view(recipe, *changes):
    return AugmentedView(recipe("finetune", *changes))


def test_without_chance_it_is_the_plain_picture(recipe, collection):
    plain = ("VIEWS.FINETUNE.SCALE", [1.0, 1.0], "VIEWS.FINETUNE.FLIP", 0.0, "VIEWS.FINETUNE.AUGMENT", "")
    picture = collection[0].resize((8, 8))
    found = view(recipe, *plain, "VIEWS.FINETUNE.ERASING", 0.0)(picture, np.random.default_rng(0))
    pixels = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255
    mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)))
    # a crop of the whole area is the whole picture only if its shape is square; timm tries until one fits
    np.testing.assert_allclose(found, (pixels - mean) / std, atol=1e-5)


def test_it_is_timms_transform_with_a_seed(recipe, collection):
    node = recipe("finetune").VIEWS.FINETUNE
    timms = create_transform(
        8, is_training=True, scale=tuple(node.SCALE), hflip=0.5, color_jitter=None, auto_augment=node.AUGMENT,
        re_prob=0.5, re_mode="pixel", interpolation="bicubic", mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3),
    )  # fmt: skip
    for seed in range(5):
        number = int(np.random.default_rng(seed).integers(2**32))
        found = view(recipe)(collection[1], np.random.default_rng(seed))
        random.seed(number), np.random.seed(number), torch.manual_seed(number)  # noqa: NPY002
        assert torch.from_numpy(found).equal(timms(collection[1]))


def test_erasing_puts_noise_on_one_rectangle(recipe, collection):
    plain = ("VIEWS.FINETUNE.SCALE", [1.0, 1.0], "VIEWS.FINETUNE.FLIP", 0.0, "VIEWS.FINETUNE.AUGMENT", "")
    picture = collection[0].resize((32, 32))
    whole = view(recipe, *plain, "ENCODER.IMG_SIZE", 32, "VIEWS.FINETUNE.ERASING", 0.0)
    erased = view(recipe, *plain, "ENCODER.IMG_SIZE", 32, "VIEWS.FINETUNE.ERASING", 1.0)
    changed = whole(picture, np.random.default_rng(3)) != erased(picture, np.random.default_rng(3))
    rows, columns = np.flatnonzero(changed.any((0, 2))), np.flatnonzero(changed.any((0, 1)))
    assert 0 < len(rows) < 32 or 0 < len(columns) < 32
    assert changed[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


def test_unknown_augmentation(recipe):
    with pytest.raises(ValueError, match=r"VIEWS\.FINETUNE\.AUGMENT is 'strong', which timm cannot read"):
        view(recipe, "VIEWS.FINETUNE.AUGMENT", "strong")
