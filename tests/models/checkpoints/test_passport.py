"""The passport says what a file is and accounts for every key."""

import hashlib
from pathlib import Path

import pytest

from models import inspect_checkpoint, load_model
from tests.models._tiny import expected, mocov3, saved, vit


def test_golden_passports(golden_checkpoint):
    _, meta, path = expected(golden_checkpoint)
    known = inspect_checkpoint(path)
    assert (known.dim, known.depth, list(known.grid)) == (meta["embed_dim"], meta["depth"], meta["grid"])
    assert known.patch_size == (meta["patch_size"],) * 2
    assert known.prefix == meta["num_prefix_tokens"]
    assert known.heads == (meta["num_heads"] if meta["family"] in ("simmim", "beit") else None)
    assert known.classes == meta.get("num_classes", 0)
    untold = None if meta["family"] == "timm" or golden_checkpoint.name == "dino_backbone" else False
    assert known.saw_labels is (True if "num_classes" in meta else untold)
    assert known.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert known.bytes == path.stat().st_size


def test_the_text_of_a_passport(tmp_path):
    path = saved(mocov3(vit()), tmp_path / "x.pth")
    text = str(inspect_checkpoint(path))
    for said in (
        "MoCo-v3 (mocov3), pre-training, part base_encoder",
        "dim 24, depth 2, heads unknown (one of 1, 2, 3)",
        "1 prefix, grid 4 x 4, patches 8 x 8 px",
        "labels     no",
        "CC-BY-NC-4.0",
        "another part; part='momentum_encoder' loads it: module.momentum_encoder.cls_token and",
        "predictor of the contrastive loss: module.predictor.0.weight",
        "state of the training script: [epoch] and 2 more",
    ):
        assert said in text


def test_golden_conv_stem_renames_are_listed(golden_checkpoint):
    _, meta, path = expected(golden_checkpoint)
    if meta["variant"] == "conv":
        renamed = inspect_checkpoint(path).renamed
        key = "module.base_encoder.patch_embed.proj.1.running_mean"
        assert renamed[key] == "patch_embed.backbone.0.bn.running_mean"
        assert len(renamed) == 4 * 6 + 2
    else:
        assert inspect_checkpoint(path).renamed == {}


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="no such checkpoint file"):
        inspect_checkpoint(tmp_path / "x.pth")


def test_the_card_beside_a_miniature_is_believed():
    file = Path(__file__).parents[3] / "models" / "mini" / "moco.safetensors"
    known = inspect_checkpoint(file)
    assert known == load_model(file).passport
    assert (known.heads, known.licence, known.saw_labels, known.family) == (3, "MIT", False, "mini")
    assert "unknown" not in str(known)
