"""SimMIM's head against the official one, and those of the miniatures."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

import models
from models import load_decoder
from models.pixel_head import load_pixel_head
from models.weights.registry import entry
from tests.models._tiny import expected, saved, vit

MINI = Path(models.__file__).parent / "mini"


def test_golden_reconstruction(golden):
    arrays, meta, path = expected(golden / "checkpoints" / "simmim_vit")
    head = load_pixel_head(path)
    assert (head.ratio, head.mask_patch, head.patch_size) == (0.6, 32, meta["patch_size"]) and not head.training
    tokens = torch.as_tensor(arrays["masked_feature_map"]).flatten(2).mT
    found = head(tokens, grid=tuple(meta["grid"]))
    torch.testing.assert_close(found.detach(), torch.as_tensor(arrays["reconstruction"]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["mae", "simmim", "hybrid"])
def test_packaged_decoders_are_of_the_packaged_encoders(name):
    card = json.loads((MINI / f"{name}_decoder.json").read_text())
    assert card["encoder"] == entry(f"mini-{name}").filename and card["encoder_sha256"] == entry(f"mini-{name}").sha256
    assert hashlib.sha256((MINI / card["encoder"]).read_bytes()).hexdigest() == card["encoder_sha256"]
    assert (MINI / f"{name}_decoder.safetensors").stat().st_size < 500_000


def test_packaged_decoders_by_name_and_by_path():
    decoder = load_decoder("mini-mae")
    assert (len(decoder.blocks), decoder.blocks[0].attn.num_heads, decoder.normalised) == (2, 2, True)
    torch.testing.assert_close(load_decoder(str(MINI / "mae.safetensors")).state_dict(), decoder.state_dict())
    head = load_pixel_head("mini-hybrid")
    assert (head.ratio, head.mask_patch, head.patch_size) == (0.6, 8, 4)
    torch.testing.assert_close(load_pixel_head(MINI / "hybrid.safetensors").state_dict(), head.state_dict())


def test_files_without_head_are_told(tmp_path):
    with pytest.raises(ValueError, match="name='dino' has no pixel head; expected 'simmim'"):
        load_pixel_head("dino")
    with pytest.raises(ValueError, match="name='mini-simmim' has no decoder; expected 'mae', 'mini-mae'"):
        load_decoder("mini-simmim")
    path = saved({"model": vit().state_dict()}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"x\.pth: no pixel head of SimMIM: it lacks decoder\.0\.weight"):
        load_pixel_head(path)
    blocks = {"decoder.0.weight": torch.ones(12, 8, 1, 1), "decoder.0.bias": torch.ones(12)}
    blocks |= {"encoder.mask_token": torch.ones(1, 1, 8), "decoder_blocks.0.norm1.weight": torch.ones(8)}
    with pytest.raises(ValueError, match="it has blocks before the linear layer"):
        load_pixel_head(saved({"model": blocks}, tmp_path / "y.pth"))
