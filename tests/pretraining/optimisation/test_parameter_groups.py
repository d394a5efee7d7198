"""Groups of parameters against the official ones."""

import json

import pytest
import torch
from timm.models.beit import Beit
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from pretraining.optimisation.parameter_groups import decays, layer_of, layer_scales, parameter_groups


def model_of(case):
    """A narrow timm model with the depth, bias tables and pooling of a case."""
    names = {name for group in case["groups"] for name in group["names"]}
    pooled = any(name.startswith("fc_norm") for name in names)
    small = {"img_size": 8, "patch_size": 4, "embed_dim": 8, "num_heads": 2, "depth": case["depth"], "num_classes": 3}
    pool = "avg" if pooled else "token"
    if any("relative_position_bias_table" in name for name in names):
        return Beit(**small, use_abs_pos_emb=False, use_rel_pos_bias=True, init_values=0.1, global_pool=pool)
    return VisionTransformer(**small, global_pool=pool)


def contents(groups):
    return sorted((group["lr_scale"], group["weight_decay"], *sorted(group["names"])) for group in groups)


def test_golden_layer_decay(golden):
    for title, case in json.loads((golden / "objectives" / "layer_decay.json").read_text()).items():
        scales = layer_scales(case["depth"], case["layer_decay"])
        assert scales == pytest.approx(case["scales"], rel=1e-12), title
        model = model_of(case)
        by_parameter = {id(p): scales[layer_of(name, case["depth"])] for name, p in model.named_parameters()}
        groups = parameter_groups(
            model.named_parameters(), weight_decay=case["weight_decay"], rule="weights", scales=by_parameter
        )
        for found, expected in zip(contents(groups), contents(case["groups"]), strict=True):
            assert found[0] == pytest.approx(expected[0], rel=1e-12), title
            assert found[1:] == expected[1:], title


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("encoder.blocks.0.attn.qkv.weight", (4, 4), {"all": True, "matrices": True, "weights": True}),
        ("encoder.mask_token", (1, 1, 4), {"all": True, "matrices": True, "weights": True}),
        ("encoder.rel_pos_bias.relative_position_bias_table", (9, 2), {"all": True, "matrices": True, "weights": True}),
        ("cls_token", (1, 1, 4), {"all": True, "matrices": True, "weights": False}),
        ("encoder.cls_token", (1, 1, 4), {"all": True, "matrices": True, "weights": False}),
        ("encoder.pos_embed", (1, 9, 4), {"all": True, "matrices": True, "weights": False}),
        ("encoder.norm.weight", (4,), {"all": True, "matrices": False, "weights": False}),
        ("decoder.0.bias", (4,), {"all": True, "matrices": False, "weights": False}),
        ("table.bias", (4, 4), {"all": True, "matrices": False, "weights": False}),
        ("scale", (), {"all": True, "matrices": False, "weights": False}),
    ],
)
def test_what_decays(name, shape, expected):
    parameter = nn.Parameter(torch.zeros(shape))
    assert {rule: decays(name, parameter, rule) for rule in expected} == expected


def test_frozen_parameters_are_left_out():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    groups = parameter_groups(model.named_parameters(), weight_decay=0.1, rule="matrices")
    assert [(group["names"], group["weight_decay"]) for group in groups] == [(["1.weight"], 0.1), (["1.bias"], 0.0)]
    assert all("lr_scale" not in group for group in groups)
