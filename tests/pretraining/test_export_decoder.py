"""An exported decoder paints what the training's own objective paints."""

import pytest
import torch

from models import load_decoder, load_model
from models.pixel_head import load_pixel_head
from pretraining.__main__ import main
from pretraining.export_decoder import export_decoder
from tests.pretraining.test_export import trained  # noqa: F401  (a fixture)


def test_mae(trained, tmp_path):  # noqa: F811
    objective, path = trained("mae", "MAE.NORM_PIXELS", False, "MAE.RATIO", 0.5)
    assert main(["export", str(path), str(tmp_path / "out.safetensors"), "--decoder", "--licence", "MIT"]) == 0
    assert load_model(tmp_path / "out.safetensors").embed_dim == 24
    for place in (path, tmp_path / "out.safetensors"):
        decoder = load_decoder(place)
        assert decoder.normalised is False and decoder.blocks[0].attn.num_heads == 2
        torch.testing.assert_close(decoder.state_dict(), objective.decoder.state_dict(), rtol=0, atol=0)


def test_simmim(trained, tmp_path):  # noqa: F811
    objective, path = trained("simmim", "SIMMIM.RATIO", 0.3)
    assert main(["export", str(path), str(tmp_path / "out.safetensors"), "--decoder"]) == 0
    tokens = torch.randn(2, 16, 24)
    for place in (path, tmp_path / "out.safetensors"):
        head = load_pixel_head(place)
        assert (head.ratio, head.mask_patch) == (0.3, 8)
        painted = objective.decoder(tokens.mT.unflatten(2, (4, 4)))
        torch.testing.assert_close(head(tokens, grid=(4, 4)), painted, rtol=0, atol=0)
        torch.testing.assert_close(head.mask_token, objective.encoder.mask_token, rtol=0, atol=0)


def test_nothing_to_export(trained, tmp_path):  # noqa: F811
    _, path = trained("mocov3")
    with pytest.raises(ValueError, match="no decoder to export; expected a checkpoint of mae, simmim or hybrid"):
        export_decoder(path, tmp_path / "out.safetensors")
