"""SimMIM's masks as the official generator draws them; MAE's noise."""

import json

import numpy as np
import pytest

from pretraining.data.masks import block_mask, token_noise


def test_golden_masks(golden):
    stored = np.load(golden / "objectives" / "simmim" / "masks.npz")
    meta = json.loads(str(stored["meta"]))
    for case in meta["cases"]:
        sizes = _sizes(case["input_size"], case["mask_patch_size"], case["model_patch_size"], case["mask_ratio"])
        for seed, expected in zip(meta["seeds"], stored[f"{case['name']}/masks"], strict=True):
            mask = block_mask(**sizes, generator=np.random.RandomState(seed))
            assert mask.dtype == np.int64
            np.testing.assert_array_equal(mask, expected)
        generator = np.random.RandomState(meta["consecutive_seed"])
        for expected in stored[f"{case['name']}/consecutive"]:
            np.testing.assert_array_equal(block_mask(**sizes, generator=generator), expected)


def test_golden_counts(golden):
    stored = np.load(golden / "objectives" / "simmim" / "masks.npz")
    for size, block, patch, ratio, count in stored["count_table"]:
        mask = block_mask(**_sizes(int(size), int(block), int(patch), ratio), generator=np.random.default_rng(0))
        assert mask.sum() == count * (block // patch) ** 2


def test_blocks_are_whole_and_every_block_is_drawn():
    generator = np.random.default_rng(0)
    masks = np.stack([block_mask(**_sizes(32, 8, 4, 0.6), generator=generator) for _ in range(200)])
    blocks = masks.reshape(200, 4, 2, 4, 2)
    assert (blocks == blocks[:, :, :1, :, :1]).all()
    assert set(masks.sum((1, 2))) == {40}  # ceil(16 * 0.6) = 10 blocks of 4 patches
    assert np.abs(masks.mean(0) - 10 / 16).max() < 5 * np.sqrt(10 / 16 * 6 / 16 / 200)


@pytest.mark.parametrize(("ratio", "masked"), [(0.0, 0), (1.0, 64)])
def test_nothing_and_everything(ratio, masked):
    assert block_mask(**_sizes(32, 8, 4, ratio), generator=np.random.default_rng(0)).sum() == masked


def test_errors():
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="MASK_PATCH=32 does not divide an image of 200 pixels"):
        block_mask(**_sizes(200, 32, 16, 0.6), generator=generator)
    with pytest.raises(ValueError, match="MASK_PATCH=32 is no multiple of the patch size 14"):
        block_mask(**_sizes(224, 32, 14, 0.6), generator=generator)
    with pytest.raises(ValueError, match=r"RATIO=1.5; expected a share from 0 to 1"):
        block_mask(**_sizes(224, 32, 16, 1.5), generator=generator)


def test_noise_is_uniform_float32():
    noise = token_noise(10_000, generator=np.random.default_rng(0))
    assert noise.dtype == np.float32 and noise.min() >= 0 and noise.max() < 1
    assert abs(noise.mean() - 0.5) < 0.015 and abs(noise.var() - 1 / 12) < 0.005


def _sizes(image_size, mask_patch, patch_size, ratio):
    return {"image_size": image_size, "mask_patch": mask_patch, "patch_size": patch_size, "ratio": ratio}
