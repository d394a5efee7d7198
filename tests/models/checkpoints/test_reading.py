"""Families are told by their keys; every key of a file is used or dropped for a reason."""

import pytest
import torch

from models.checkpoints.checkpoint import read_checkpoint
from models.checkpoints.families import FAMILIES
from models.checkpoints.reading import recognised
from tests.models._tiny import beit, expected, mocov3, prefixed, saved, vit


def read(payload, path, **options):
    return recognised(read_checkpoint(saved(payload, path / "x.pth")), **options)


def dino(teacher, student):
    head = {"head.mlp.0.weight": torch.ones(2, 2)}
    return {
        "teacher": {**prefixed("backbone.", teacher.state_dict()), **head},
        "student": prefixed("module.", {**prefixed("backbone.", student.state_dict()), **head}),
        "dino_loss": {"center": torch.zeros(1, 4)},
        "epoch": 1,
    }


def payloads():
    plain, simmim = vit().state_dict(), beit().state_dict()
    tuned = beit(global_pool="avg", use_shared_rel_pos_bias=False, use_rel_pos_bias=True, num_classes=4).state_dict()
    extra = {"lm_head.weight": torch.ones(3, 24), "mask_token": torch.ones(1, 1, 24)}
    decoder = {"decoder_blocks.0.norm1.weight": torch.ones(8), "decoder_pred.weight": torch.ones(9, 8)}
    no_class = vit(class_token=False, global_pool="avg", fc_norm=False).state_dict()
    teacher = dino(vit(), vit())
    return {
        ("mocov3", "pre-training"): mocov3(vit()),
        ("mocov3", "linear probe"): {
            "arch": "vit_small",
            "best_acc1": torch.tensor(1.0),
            "state_dict": prefixed("module.", vit(num_classes=3).state_dict()),
        },
        ("simmim", "pre-training"): {
            "model": prefixed("encoder.", {**simmim, "mask_token": torch.ones(1)}) | {"decoder.0.bias": torch.ones(1)}
        },
        ("simmim", "fine-tuned"): {"model": tuned, "config": {}, "max_accuracy": 80.0},
        ("beit", "pre-training"): {"model": {**simmim, **extra}},
        ("beit", "fine-tuned"): {"module": tuned},
        ("beitv2", "pre-training"): {"model": {**simmim, **extra, "cls_pt_layers.0.gamma_1": torch.ones(24)}},
        ("mae", "pre-training"): {"model": plain},
        ("mae", "pre-training with decoder"): {"model": {**plain, **decoder, "mask_token": torch.ones(1, 1, 8)}},
        ("mae", "fine-tuned"): {"model": vit(global_pool="avg", num_classes=2).state_dict()},
        ("dino", "full"): teacher,
        ("dino", "backbone"): plain,
        ("ibot", "full"): {
            **{key: teacher[key] for key in ("teacher", "student")},
            "ibot_loss": {"center": torch.ones(1)},
        },
        ("ijepa", "pre-training"): {
            "target_encoder": prefixed("module.", no_class),
            "encoder": prefixed("module.", no_class),
            "predictor": {"module.x": torch.ones(1)},
            "opt": {"state": {0: torch.ones(1)}},
        },
        ("timm", "with classifier"): {"model": vit(num_classes=3).state_dict()},
        ("timm", "without classifier"): {"state_dict": plain},
    }


CASES = payloads()


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_families_are_told_by_their_keys(tmp_path, case):
    reading = read(CASES[case], tmp_path)
    assert (reading.family.name, reading.format.name) == case


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_no_key_is_lost(tmp_path, case):
    payload = CASES[case]
    reading = read(payload, tmp_path)
    entries = {"base": payload} if reading.part.entries == ("",) or "cls_token" in payload else payload
    keys = {
        key
        for name, value in entries.items()
        if isinstance(value, dict) and f"[{name}]" not in reading.dropped
        for key in value
    }
    keys |= {f"[{name}]" for name in entries if f"[{name}]" in reading.dropped}
    assert keys == {*reading.used, *reading.dropped}
    assert all(reading.dropped.values())
    assert set(reading.used.values()) == set(reading.state)


def test_golden_every_tensor_is_used_or_dropped_for_a_reason(golden_checkpoint):
    _, _, path = expected(golden_checkpoint)
    reading = recognised(read_checkpoint(path))
    assert not set(reading.used) & set(reading.dropped)
    assert all(reading.dropped.values())
    assert len(reading.state) == len(reading.used)


def test_parts_are_named_in_the_error(tmp_path):
    teacher, student = vit(), vit()
    assert torch.equal(read(dino(teacher, student), tmp_path).state["cls_token"], teacher.cls_token)
    other = read(dino(teacher, student), tmp_path, part="student")
    assert torch.equal(other.state["cls_token"], student.cls_token)
    assert other.dropped["[teacher]"] == "another part; part='teacher' loads it"
    with pytest.raises(ValueError, match=r"part='momentum' is not in this full file; it holds teacher, student"):
        read(dino(teacher, student), tmp_path, part="momentum")


@pytest.mark.parametrize("prefix", ["module.backbone.", "backbone.", "module.", ""])
def test_dino_teachers_with_any_prefix(tmp_path, prefix):
    payload = {"teacher": prefixed(prefix, vit().state_dict()), "epoch": 1}
    assert read(payload, tmp_path).family.name == "dino"


def test_an_unnamed_second_set_of_weights_is_refused(tmp_path):
    payload = {"model": vit().state_dict(), "copy": {"x": torch.ones(1)}, "remark": "hello"}
    with pytest.raises(ValueError, match=r"entry 'copy' holds tensors that no rule names.*save the set"):
        read(payload, tmp_path)


def test_keys_outside_the_prefix_are_refused(tmp_path):
    payload = mocov3(vit())
    payload["state_dict"]["module.queue"] = torch.ones(2)
    with pytest.raises(ValueError, match=r"looks like MoCo-v3 .*no rule names these keys: module.queue"):
        read(payload, tmp_path)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("encoder.layers.0.blocks.0.attn.qkv.weight", "Swin"),
        ("module.base_encoder.layer1.0.conv1.weight", "ResNet"),
        ("blocks.0.attn.temperature", "XCiT"),
        ("module.linear.weight", "linear head without its backbone"),
        ("vit.encoder.layer.0.attention.attention.query.weight", "transformers"),
    ],
)
def test_strangers_are_named(tmp_path, key, said):
    with pytest.raises(ValueError, match=f"not a plain ViT: .*{said}"):
        read({"state_dict": {key: torch.ones(1)}}, tmp_path)


def test_unknown_keys_are_shown(tmp_path):
    with pytest.raises(ValueError, match=r"of no known family \(mocov3, .*its keys are a, b"):
        read({"a": torch.ones(1), "b": torch.ones(1)}, tmp_path)
    with pytest.raises(ValueError, match="SimMIM and BEiT have such keys"):
        read({"model": beit().state_dict()}, tmp_path)
    assert read({"model": beit().state_dict()}, tmp_path, family="simmim").family is FAMILIES["simmim"]
