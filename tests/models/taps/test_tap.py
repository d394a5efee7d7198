"""The tap against the models' own attention, on every way in which attention is written."""

import copy
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
import transformers
from timm.layers import set_fused_attn
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import ParallelScalingBlock, ResPostBlock, VisionTransformer
from torch import nn

from models import TokenLayout, load_model, tap
from tests.models._own_vit import OwnViT

SMALL = {"patch_size": 16, "embed_dim": 48, "depth": 3, "num_heads": 4, "num_classes": 0}


def vit(**options):
    return VisionTransformer(**{"img_size": (64, 96), "reg_tokens": 3, "init_values": 0.1, **SMALL, **options}).eval()


def beit():
    model = Beit(
        img_size=(64, 96), use_shared_rel_pos_bias=True, use_abs_pos_emb=False, init_values=0.1, **SMALL
    ).eval()
    nn.init.normal_(model.rel_pos_bias.relative_position_bias_table)
    return model


def eva():
    return Eva(img_size=(64, 96), use_rot_pos_emb=True, num_reg_tokens=2, **SMALL).eval()


def hf(kind, implementation):
    sizes = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": (64, 96)}
    if kind == "vit":
        config = transformers.ViTConfig(**sizes, intermediate_size=96, attn_implementation=implementation)
        return transformers.ViTModel(config, add_pooling_layer=False).eval()
    sizes["image_size"] = 64  # its position table is square; 64 x 96 is interpolated
    config = transformers.Dinov2WithRegistersConfig(
        **sizes, patch_size=16, num_register_tokens=3, attn_implementation=implementation
    )
    return transformers.Dinov2WithRegistersModel(config).eval()


MODELS = {
    "timm ViT": vit,
    "timm Beit": beit,
    "timm Eva": eva,
    "transformers ViT sdpa": lambda: hf("vit", "sdpa"),
    "transformers ViT eager": lambda: hf("vit", "eager"),
    "transformers DINOv2 sdpa": lambda: hf("dinov2", "sdpa"),
    "transformers DINOv2 eager": lambda: hf("dinov2", "eager"),
    "torchvision": lambda: torchvision.models.VisionTransformer(64, 16, 3, 4, 48, 96).eval(),
}
PREFIX = {"timm ViT": 4, "timm Eva": 3, "transformers DINOv2 sdpa": 4, "transformers DINOv2 eager": 4}


def tensor(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def images_for(name):
    return torch.randn(2, 3, 64, 64 if name == "torchvision" else 96)


@pytest.mark.parametrize("name", MODELS)
def test_every_point_of_every_library(name):
    model, images = MODELS[name](), images_for(name)
    with torch.inference_mode():
        untouched = tensor(model(images))
        with tap(model) as trace:
            tapped = tensor(model(images))
    torch.testing.assert_close(tapped, untouched, atol=1e-5, rtol=0)
    grid = (4, 4 if name == "torchvision" else 6)
    assert trace.layout.grid == grid
    assert trace.layout.prefix == PREFIX.get(name, 1)
    tokens = trace.layout.prefix + grid[0] * grid[1]
    stream = trace.embedding
    for layer in range(3):
        attention = trace.attention[layer]
        assert attention.shape == (2, 4, tokens, tokens)
        torch.testing.assert_close(attention.sum(-1), torch.ones(2, 4, tokens))
        torch.testing.assert_close(attention @ trace.values[layer], trace.head_outputs[layer], atol=1e-5, rtol=0)
        torch.testing.assert_close(trace.before_attention[layer], stream)
        assert trace.queries[layer].shape == trace.keys[layer].shape == (2, 4, tokens, 12)
        assert trace.attention_branch[layer].shape == trace.after_attention[layer].shape == stream.shape
        stream = trace.after_mlp[layer]


@pytest.mark.parametrize("name", ["timm ViT", "transformers ViT sdpa", "torchvision"])
def test_attention_is_the_softmax_of_queries_and_keys(name):
    model, images = MODELS[name](), images_for(name)
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    q, k = trace.queries[1].double(), trace.keys[1].double()
    expected = (q @ k.transpose(-1, -2) / 12**0.5).softmax(-1)
    torch.testing.assert_close(trace.attention[1].double(), expected, atol=1e-6, rtol=0)


def test_transformers_own_maps_agree():
    model, images = hf("vit", "eager"), torch.randn(2, 3, 64, 96)
    with torch.inference_mode(), tap(model) as trace:
        theirs = model(images, output_attentions=True).attentions
    for layer, expected in enumerate(theirs):
        torch.testing.assert_close(trace.attention[layer], expected)


def test_residual_stream_of_timm():
    model, images = vit(), torch.randn(2, 3, 64, 96)
    with torch.inference_mode(), tap(model) as trace:
        model(images)
        stream = trace.before_attention[1]
        branch = model.blocks[1].attn(model.blocks[1].norm1(stream))
        after = stream + model.blocks[1].ls1(branch)
    torch.testing.assert_close(trace.attention_branch[1], branch, atol=1e-6, rtol=0)
    torch.testing.assert_close(trace.after_attention[1], after, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["matmul", "einsum", "bmm", "sdpa"])
def test_hand_written(kind):
    model, images = OwnViT(kind).eval(), torch.randn(2, 3, 64, 96)
    reference = OwnViT("matmul").eval()
    reference.load_state_dict(model.state_dict())
    layout = TokenLayout(0, 0, (4, 6), 16)
    with torch.inference_mode(), tap(model, blocks=list(model.layers), layout=layout) as trace:
        model(images)
    with torch.inference_mode(), tap(reference, blocks=list(reference.layers), layout=layout) as expected:
        reference(images)
    for layer in range(3):
        torch.testing.assert_close(trace.attention[layer], expected.attention[layer])
        torch.testing.assert_close(trace.head_outputs[layer], expected.head_outputs[layer])
    assert trace.layout == layout


def test_dropout_on_the_weights_is_refused():
    model = OwnViT("dropout").eval()
    with pytest.raises(ValueError, match=r"layer 0 \(OwnBlock\): A V differs .* call model.eval\(\)"):
        with tap(model, blocks=list(model.layers)):
            model(torch.randn(2, 3, 64, 96))
    model = vit(attn_drop_rate=0.5).train()
    with pytest.raises(ValueError, match=r"dropout 0.5 is on.*model.eval\(\)"), tap(model):
        model(torch.randn(2, 3, 64, 96))


def test_a_softmax_over_queries_is_refused():
    model = OwnViT("over_queries").eval()
    with pytest.raises(ValueError, match=r"layer 0 \(OwnBlock\): attention rows do not sum to 1"):
        with tap(model, blocks=list(model.layers)):
            model(torch.randn(2, 3, 64, 96))


def test_hidden_attention_is_refused():
    model = OwnViT("hidden").eval()
    with pytest.raises(ValueError, match=r"without an attention that the tap could see.*attn_implementation"):
        with tap(model, blocks=list(model.layers)):
            model(torch.randn(2, 3, 64, 96))


def test_without_attention_points_hidden_attention_is_no_obstacle():
    model = OwnViT("hidden").eval()
    with tap(model, blocks=list(model.layers), points=["after_mlp"]) as trace:
        model(torch.randn(2, 3, 64, 96))
    assert len(trace.after_mlp) == 3


@pytest.mark.parametrize("block", [ResPostBlock, ParallelScalingBlock])
def test_another_residual_structure_is_refused_but_its_attention_is_not(block):
    model, images = vit(block_fn=block), torch.randn(1, 3, 64, 96)
    if block is ResPostBlock:
        for one in model.blocks:  # starts at zero, where nothing could be told apart
            nn.init.normal_(one.norm1.weight), nn.init.normal_(one.norm2.weight)
    with pytest.raises(ValueError, match=r"leave .*'?attention_branch'?"), tap(model, points=["after_attention"]):
        model(images)
    with torch.inference_mode(), tap(model, points=["attention", "after_mlp"]) as trace:
        model(images)
    assert len(trace.attention) == len(trace.after_mlp) == 3


def test_layers_and_points_are_chosen():
    model, images = vit(), torch.randn(1, 3, 64, 96)
    with torch.inference_mode(), tap(model, layers=[-1, 0], points=["attention"]) as trace:
        model(images)
    assert list(trace.attention) == [0, 2]
    with pytest.raises(KeyError, match="layer 1 is not in this trace"):
        trace.attention[1]
    with pytest.raises(KeyError, match="after_mlp of layer 0"):
        trace.after_mlp[0]
    with pytest.raises(KeyError, match="embedding is not in this trace"):
        _ = trace.embedding
    with pytest.raises(TypeError):
        trace.attention[0] = images  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"layers": [3]}, r"layers=\[3\]: the model has 3 layers, numbered 0 to 2"),
        ({"layers": []}, r"layers=\[\]"),
        ({"points": ["attn"]}, r"points=\['attn'\]: known points are attention, queries"),
    ],
)
def test_unknown_layers_and_points(options, text):
    with pytest.raises(ValueError, match=text), tap(vit(), **options):
        pass


def test_callbacks_keep_nothing_and_allow_many_passes():
    model, images = vit(), torch.randn(2, 3, 64, 96)
    maps, streams = [], []
    with torch.inference_mode():
        with tap(model) as expected:
            model(images)
        with tap(
            model,
            on_attention=lambda layer, attention: maps.append((layer, attention)),
            on_tokens=lambda layer, point, value: streams.append((layer, point, value.shape)),
        ) as trace:
            model(images)
            model(images)
    assert [layer for layer, _ in maps] == [0, 1, 2, 0, 1, 2]
    torch.testing.assert_close(maps[4][1], expected.attention[1])
    assert {point for _, point, _ in streams} >= {"embedding", "head_outputs", "after_mlp"}
    assert not trace.attention and not trace.after_mlp
    assert trace.layout.grid == (4, 6)


def test_a_second_pass_raises():
    model, images = vit(), torch.randn(1, 3, 64, 96)
    with pytest.raises(RuntimeError, match="a second forward pass"), tap(model):
        model(images)
        model(images)


def test_no_pass_raises():
    with pytest.raises(ValueError, match="the model was never run inside"), tap(vit()):
        pass


def test_an_error_inside_is_passed_on_and_the_model_left_as_it_was():
    model, images = vit(), torch.randn(1, 3, 64, 96)
    before = model(images)

    def fail(layer, attention):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"), tap(model, on_attention=fail):
        model(images)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())
    assert torch.equal(model(images), before)
    with tap(model, points=["attention"]) as trace:
        model(images)
    assert len(trace.attention) == 3


@pytest.mark.parametrize("name", ["timm ViT", "transformers ViT eager", "torchvision"])
def test_nested_taps_see_the_same(name):
    model, images = MODELS[name](), images_for(name)
    with torch.inference_mode(), tap(model) as outer, tap(model, layers=[1], points=["attention"]) as inner:
        output = tensor(model(images))
    with torch.inference_mode():
        torch.testing.assert_close(output, tensor(model(images)), atol=1e-5, rtol=0)
    torch.testing.assert_close(outer.attention[1], inner.attention[1])
    assert F.scaled_dot_product_attention is torch._C._nn.scaled_dot_product_attention


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [True, False])
def test_half_precision(dtype, autocast):
    model, images = vit(), torch.randn(2, 3, 64, 96)
    exact_model = copy.deepcopy(model).double()
    with torch.inference_mode(), tap(exact_model) as exact:
        exact_model(images.double())
    if not autocast:
        model, images = model.to(dtype), images.to(dtype)
    with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=autocast):
        untouched = model(images)
        with tap(model) as trace:
            tapped = model(images)
    tolerance = 0.05 if dtype == torch.bfloat16 else 0.01
    torch.testing.assert_close(tapped, untouched, atol=tolerance, rtol=0)
    assert trace.attention[0].dtype == torch.float32
    torch.testing.assert_close(trace.attention[0].double(), exact.attention[0], atol=tolerance, rtol=0)


def test_float64_stays_float64():
    model, images = vit().double(), torch.randn(1, 3, 64, 96, dtype=torch.float64)
    with torch.inference_mode(), tap(model) as trace:
        model(images)
    q, k = trace.queries[2], trace.keys[2]
    expected = (q @ k.transpose(-1, -2) * 12**-0.5).softmax(-1)
    torch.testing.assert_close(trace.attention[2], expected, atol=1e-14, rtol=0)


def test_gradients_still_flow():
    model, images = vit(), torch.randn(1, 3, 64, 96, requires_grad=True)
    expected = torch.autograd.grad(model(images).sum(), images)[0]
    with tap(model) as trace:
        output = model(images)
    torch.testing.assert_close(torch.autograd.grad(output.sum(), images)[0], expected, atol=1e-5, rtol=1e-4)
    assert not trace.attention[0].requires_grad


def test_compiled_model():
    model, images = vit(), torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        with tap(model) as expected:
            model(images)
        compiled = torch.compile(model, backend="eager")
        untouched = compiled(images)
        with tap(compiled) as trace:
            tapped = compiled(images)
        torch.testing.assert_close(compiled(images), untouched)
    torch.testing.assert_close(tapped, untouched, atol=1e-5, rtol=0)
    torch.testing.assert_close(trace.attention[2], expected.attention[2])
    assert trace.layout.grid == (4, 6)


def test_forward_features_and_another_resolution():
    model = vit(dynamic_img_size=True)
    with torch.inference_mode(), tap(model, points=["attention"]) as trace:
        model.forward_features(torch.randn(1, 3, 96, 32))
    assert trace.layout.grid == (6, 2)
    assert trace.attention[0].shape[-1] == 4 + 12


def test_layout_that_does_not_fit_is_told_when_asked_for():
    model = OwnViT("matmul").eval()
    with tap(model, blocks=list(model.layers), layout=TokenLayout(1, 0, (4, 6), 16)) as trace:
        model(torch.randn(1, 3, 64, 96))
    assert len(trace.attention) == 3
    with pytest.raises(ValueError, match=r"make 24 patches and, with 1 prefix tokens, 25 tokens, but .* saw 24"):
        _ = trace.layout


def test_what_is_no_plain_vit_is_refused_by_name():
    swin = SwinTransformer(img_size=64, window_size=2, embed_dim=24, depths=(1, 1), num_heads=(2, 2))
    with pytest.raises(ValueError, match=r"SwinTransformer is not a plain ViT: it attends inside shifted windows"):
        with tap(swin):
            pass
    with pytest.raises(ValueError, match=r"DataParallel.*model\.module"), tap(nn.DataParallel(vit())):
        pass
    with (
        pytest.raises(ValueError, match="cannot tell which modules of Sequential"),
        tap(nn.Sequential(nn.Linear(2, 2))),
    ):
        pass
    stranger = nn.Identity()
    with pytest.raises(ValueError, match=r"blocks \[0\] are not modules of it"), tap(vit(), blocks=[stranger]):
        pass


def test_pooling_attention_outside_the_blocks_is_not_a_layer():
    model = vit(global_pool="map", reg_tokens=0)
    with torch.inference_mode(), tap(model) as trace:
        model(torch.randn(1, 3, 64, 96))
    assert list(trace.attention) == [0, 1, 2]


def test_nan_images_give_nan_and_no_false_alarm():
    model, images = vit(), torch.randn(2, 3, 64, 96)
    images[0] = float("nan")
    with torch.inference_mode(), tap(model, points=["attention"]) as trace:
        model(images)
    assert trace.attention[0][0].isnan().all()
    assert trace.attention[0][1].isfinite().all()


@pytest.mark.parametrize("fused", [True, False])
def test_golden_attention_and_stream(golden_checkpoint, fused):
    """The official code's attention, head outputs and residual stream, from its own files."""
    expected = np.load(golden_checkpoint / "expected.npz")
    set_fused_attn(fused)
    try:
        for file in sorted(golden_checkpoint.glob("*[!z]")):
            meta = _meta(expected)
            model = load_model(str(file), num_heads=meta["num_heads"])
            with torch.inference_mode(), tap(model) as trace:
                model(torch.from_numpy(expected["x"]))
            _compare(trace, expected)
    finally:
        set_fused_attn(True)


def _meta(expected):
    meta = json.loads(str(expected["meta"]))
    return {**meta, "num_heads": meta.get("num_heads") or expected["attn"].shape[2]}


def _compare(trace, expected):
    zs = torch.from_numpy(expected["zs"])
    close(trace.embedding, zs[0])
    for layer in range(len(expected["attn"])):
        close(trace.attention[layer], torch.from_numpy(expected["attn"][layer]))
        close(trace.head_outputs[layer], torch.from_numpy(expected["attn_ft"][layer]))
        close(trace.after_attention[layer], zs[2 * layer + 1])
        close(trace.after_mlp[layer], zs[2 * layer + 2])


def close(actual, expected):
    """Within 1e-5 relative to max(1, |x|)."""
    error = ((actual - expected).abs() / expected.abs().clamp(min=1)).max()
    assert error < 1e-5, f"off by {error:.2g}"
