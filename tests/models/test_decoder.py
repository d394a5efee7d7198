"""MAE's decoder against the official one."""

from pathlib import Path

import numpy as np
import pytest
import torch

import models
from models import load_decoder
from models.decoder import images_from_patches, patches_from_images
from tests.models._tiny import beit, expected, mocov3, prefixed, saved, vit


def test_golden_reconstruction_and_loss(golden_checkpoint):
    arrays, meta, path = expected(golden_checkpoint)
    if "masked_latent" not in arrays:
        pytest.skip("no decoder in this file")
    decoder = load_decoder(path, num_heads=meta["decoder"]["heads"])
    ids = torch.as_tensor(arrays["ids_restore"].astype(np.int64))
    pred = decoder(torch.as_tensor(arrays["masked_latent"]), ids)
    torch.testing.assert_close(pred.detach(), torch.as_tensor(arrays["pred"]), rtol=1e-5, atol=1e-5)
    patch, grid = meta["patch_size"], tuple(meta["grid"])
    images = images_from_patches(pred, grid=grid, patch_size=patch)
    torch.testing.assert_close(images.detach(), torch.as_tensor(arrays["reconstruction"]), rtol=1e-5, atol=1e-5)
    error = (pred - patches_from_images(torch.as_tensor(arrays["x"]), patch_size=patch)).square().mean(-1)
    mask = torch.as_tensor(arrays["mask"])
    loss = (error * mask).sum() / mask.sum()
    torch.testing.assert_close(loss.item(), float(arrays["loss"]), rtol=1e-5, atol=1e-5)
    assert not decoder.training
    with pytest.raises(ValueError, match=r"\(decoder\): the number of heads cannot be read"):
        load_decoder(path)


def test_patches_and_images_are_inverse():
    images = torch.rand(2, 3, 8, 12)
    patches = patches_from_images(images, patch_size=4)
    assert patches.shape == (2, 6, 48)
    torch.testing.assert_close(patches[0, 1, :3], images[0, :, 0, 4])  # second patch: right of the first
    torch.testing.assert_close(images_from_patches(patches, grid=(2, 3), patch_size=4), images)


def test_files_without_decoder_are_told(tmp_path):
    path = saved({"model": vit().state_dict()}, tmp_path / "x.pth")
    with pytest.raises(
        ValueError, match=r"x.pth \(MAE, pre-training\) has no decoder of MAE; MAE's files named \*_full"
    ):
        load_decoder(path)
    path = saved(mocov3(vit()), tmp_path / "moco.pth")
    with pytest.raises(ValueError, match=r"moco.pth \(MoCo-v3, pre-training\) has no decoder of MAE; "):
        load_decoder(path)
    state = {**prefixed("encoder.", beit().state_dict()), "decoder.0.bias": torch.ones(1)}
    path = saved({"model": state}, tmp_path / "simmim.pth")
    with pytest.raises(ValueError, match=r"simmim.pth \(SimMIM, pre-training\) has no decoder of MAE; "):
        load_decoder(path)
    with pytest.raises(ValueError, match=r"hybrid_decoder.safetensors has no decoder of MAE; "):
        load_decoder(Path(models.__file__).parent / "mini" / "hybrid.safetensors")
    with pytest.raises(ValueError, match=r"name='dino' has no decoder"):
        load_decoder("dino")


def test_a_decoder_without_its_embedding_is_damaged(tmp_path):
    state = {
        **vit().state_dict(),
        "decoder_blocks.0.norm1.weight": torch.ones(8),
        "decoder_pred.weight": torch.ones(9, 8),
    }
    path = saved({"model": state}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"x\.pth \(decoder\): no 'embed\.weight' among the weights"):
        load_decoder(path)
