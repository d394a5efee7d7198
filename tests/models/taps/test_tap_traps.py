"""Models that would make a tap lie, or its error untrue."""

import pytest
import timm
import torch
import transformers
from timm.models.vision_transformer import VisionTransformer
from torch import nn

import ops
from models import TokenLayout, measure, tap, token_layout
from tests.models._own_vit import InPlaceBlock, ListOfLists, OwnViT, WholeInPlaceBlock

IMAGES = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def vit(**options):
    sizes = {"img_size": (64, 96), "patch_size": 16, "embed_dim": 48, "depth": 3, "num_heads": 4, "num_classes": 0}
    return VisionTransformer(**{**sizes, **options}).eval()


def own(block):
    model = OwnViT("matmul").eval()
    model.layers = nn.ModuleList(block("matmul") for _ in range(3))
    return model


def test_a_stream_that_is_written_over_is_refused():
    model = own(InPlaceBlock)
    with pytest.raises(ValueError, match=r"layer 0 \(InPlaceBlock\) adds to its stream in place.*x = x \+"):
        with torch.inference_mode(), tap(model, blocks=list(model.layers)):
            model(IMAGES)
    with torch.inference_mode(), tap(model, blocks=list(model.layers), points=["attention"]) as trace:
        model(IMAGES)
    assert len(trace.attention) == 3


def test_a_stream_after_attention_that_is_written_over_is_refused():
    model = own(WholeInPlaceBlock)
    with pytest.raises(ValueError, match="adds to its stream in place"):
        with torch.inference_mode(), tap(model, blocks=list(model.layers), points=["after_attention"]):
            model(IMAGES)
    points = ["before_attention", "after_mlp"]
    with torch.inference_mode(), tap(model, blocks=list(model.layers), points=points) as trace:
        model(IMAGES)
    torch.testing.assert_close(trace.after_mlp[0], trace.before_attention[1])


def test_the_branch_survives_a_layer_scale_in_place():
    model = vit(init_values=0.1)
    with torch.inference_mode(), tap(model) as expected:
        model(IMAGES)
    for block in model.blocks:
        block.ls1.inplace = block.ls2.inplace = True
    with torch.inference_mode(), tap(model) as trace:
        model(IMAGES)
    torch.testing.assert_close(trace.attention_branch[1], expected.attention_branch[1])
    torch.testing.assert_close(trace.after_attention[1], expected.after_attention[1])


def test_attention_modules_as_blocks_hold_no_stream():
    model = ListOfLists().eval()
    attentions = [layer[0] for layer in model.layers]
    with torch.inference_mode(), tap(model, blocks=attentions, points=["attention", "head_outputs"]) as trace:
        model(IMAGES)
    assert len(trace.attention) == len(trace.head_outputs) == 3
    with pytest.raises(ValueError, match=r"layer 1 \(OwnAttention\) is not given what the block before it returned"):
        with torch.inference_mode(), tap(model, blocks=attentions, points=["after_mlp"]):
            model(IMAGES)


def test_lists_of_modules_are_no_blocks():
    model = ListOfLists().eval()
    with pytest.raises(ValueError, match=r"cannot tell which modules of ListOfLists .*found: none"), tap(model):
        model(IMAGES)
    with pytest.raises(ValueError, match=r"blocks \[0, 1, 2\] are lists of modules.*layer\[0\] for layer"):
        with tap(model, blocks=list(model.layers)):
            model(IMAGES)


def test_a_model_that_runs_without_its_blocks_is_told_from_one_that_never_runs():
    model = OwnViT("matmul").eval()
    unused = nn.ModuleList(model.layers)
    model.layers = nn.ModuleList()
    model.spare = unused
    with pytest.raises(ValueError, match="the model ran, but its blocks did not"), tap(model, blocks=list(unused)):
        model(IMAGES)


def test_shuffled_patches_are_refused():
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
    config = transformers.ViTMAEConfig(**sizes, image_size=64, patch_size=16, mask_ratio=0.0)
    with pytest.raises(
        ValueError, match=r"ViTMAEModel is not a plain ViT: it shuffles its patches.*load_model\('mae'\)"
    ):
        with tap(transformers.ViTMAEModel(config).eval()):
            pass


def test_distillation_tokens_are_counted():
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
    model = transformers.DeiTModel(transformers.DeiTConfig(**sizes, image_size=64), add_pooling_layer=False).eval()
    assert token_layout(model) == TokenLayout(2, 0, (4, 4), 16)
    table = measure(model, [IMAGES[..., :64]], {"nmi": ops.attention_nmi}, progress=False)
    assert table["value"].notna().all()
    assert token_layout(timm.create_model("deit_tiny_distilled_patch16_224", depth=1)).class_tokens == 2


def test_blocks_compiled_one_by_one():
    model = vit()
    with torch.inference_mode(), tap(model) as expected:
        model(IMAGES)
    for index, block in enumerate(model.blocks):
        model.blocks[index] = torch.compile(block, backend="eager")
    with torch.inference_mode(), tap(model) as trace:
        model(IMAGES)
    torch.testing.assert_close(trace.attention[2], expected.attention[2])
    torch.testing.assert_close(trace.after_attention[2], expected.after_attention[2])


def test_gradient_checkpointing_is_named():
    model = vit().train()
    model.set_grad_checkpointing()
    with pytest.raises(ValueError, match=r"gradient checkpointing is on.*set_grad_checkpointing\(False\)"):
        with tap(model):
            model(IMAGES)
    with torch.inference_mode(), tap(model, points=["attention"]) as trace:
        model(IMAGES)
    assert len(trace.attention) == 3


def test_one_layer_may_be_a_number():
    model = vit()
    with torch.inference_mode(), tap(model, layers=1, points=["attention"]) as trace:
        model(IMAGES)
    assert list(trace.attention) == [1]


def test_what_is_no_module(unchecked):
    with pytest.raises(ValueError, match=r"the model is a str, not a torch module: load_model"), tap("vit"):
        pass


def test_tokens_in_front_of_the_batch_are_refused():
    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(48, 4, 96, batch_first=False, norm_first=True, dropout=0.0)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

        def forward(self, images):
            return self.encoder(images.flatten(2).permute(2, 0, 1)[:24, :, :48].contiguous())

    model = Rows().eval()
    images = torch.randn(3, 48, 4, 6)
    with pytest.raises(ValueError, match=r"was given 24 x 3 \(batch token\), but attends in 3 x 24.*batch_first=False"):
        with tap(model, points=["attention"]):
            model(images)
