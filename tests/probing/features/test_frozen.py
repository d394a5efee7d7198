"""Every layer and pooling against the model's own forward pass, written out."""

import pytest
import torch
from torch import nn

from models import load_model
from probing.features.frozen import Cell, Frozen, chosen_layers
from tests.models._tiny import beit, vit

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def streams(model, images):
    """Embedding and block outputs of a timm ViT, by its own parts."""
    tokens = model.norm_pre(model._pos_embed(model.patch_embed(images)))
    found = [tokens]
    for block in model.blocks:
        tokens = block(tokens)
        found.append(tokens)
    return found


@torch.no_grad()
@pytest.mark.parametrize("norm", ["none", "final"])
def test_cells_are_the_models_own_tokens(norm):
    model = vit(depth=3, reg_tokens=2)
    expected = [model.norm(tokens) if norm == "final" else tokens for tokens in streams(model, IMAGES)]
    cells = [Cell(layer, name) for layer in range(4) for name in ("class_token", "registers", "patches")]
    found = Frozen(model, cells, token_layers=[0, 3], norm=norm)(IMAGES)
    for layer, tokens in enumerate(expected):
        torch.testing.assert_close(found[Cell(layer, "class_token")], tokens[:, 0])
        torch.testing.assert_close(found[Cell(layer, "registers")], tokens[:, 1:3].mean(1))
        torch.testing.assert_close(found[Cell(layer, "patches")], tokens[:, 3:].mean(1))
    torch.testing.assert_close(found[Cell(0, "tokens")], expected[0])
    torch.testing.assert_close(found[Cell(3, "tokens")], expected[3])


@torch.no_grad()
def test_last_layer_with_norm_is_what_the_model_classifies():
    model = vit()
    found = Frozen(model, [Cell(2, "class_token")], norm="final")(IMAGES)
    torch.testing.assert_close(found[Cell(2, "class_token")], model.forward_features(IMAGES)[:, 0])


@torch.no_grad()
def test_a_norm_that_stands_behind_the_pooling_is_put_there():
    model = vit(global_pool="avg")
    assert isinstance(model.norm, nn.Identity)
    found = Frozen(model, [Cell(2, "patches"), Cell(2, "both")], norm="final")(IMAGES)
    tokens = streams(model, IMAGES)[-1]
    torch.testing.assert_close(found[Cell(2, "patches")], model.forward_head(tokens, pre_logits=True))
    both = torch.cat([model.fc_norm(tokens[:, 0]), model.fc_norm(tokens[:, 1:].mean(1))], dim=1)
    torch.testing.assert_close(found[Cell(2, "both")], both)


@torch.no_grad()
def test_attention_of_the_same_layer_weighs_the_tokens():
    model = vit()
    found = Frozen(model, [Cell(1, "mean_head"), Cell(2, "mean_head")])(IMAGES)
    tokens = streams(model, IMAGES)
    for layer in (1, 2):
        block = model.blocks[layer - 1]
        normed = block.norm1(tokens[layer - 1])
        q, k, _ = block.attn.qkv(normed).reshape(3, 17, 3, 3, 8).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) / 8**0.5).softmax(-1)[:, :, 0, 1:].mean(1)
        weights = weights / weights.sum(1, keepdim=True)
        expected = (weights.unsqueeze(-1) * tokens[layer][:, 1:]).sum(1)
        torch.testing.assert_close(found[Cell(layer, "mean_head")], expected)


@torch.no_grad()
def test_the_oracle_sees_the_same_picture_in_its_own_normalisation():
    model, oracle = load_model("mini-simmim"), load_model("mini-moco")
    oracle.pretrained_cfg = {**oracle.pretrained_cfg, "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.4, 0.3)}
    found = Frozen(model, [Cell(8, "oracle")], oracle=oracle)(IMAGES)[Cell(8, "oracle")]
    mean, std = (torch.tensor(model.pretrained_cfg[name])[:, None, None] for name in ("mean", "std"))
    own = (IMAGES * std + mean - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor([0.5, 0.4, 0.3])[
        :, None, None
    ]
    from models import tap

    with tap(oracle, layers=[-1], points=["attention"]) as trace:
        oracle.forward_features(own)
    weights = trace.attention[7][:, :, 0, 1:].mean(1)
    tokens = streams(model, IMAGES)[-1][:, 1:]
    expected = torch.einsum("np,npc->nc", weights / weights.sum(1, keepdim=True), tokens)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_batches_through_one_tap_equal_batches_alone():
    model = beit()
    frozen = Frozen(model, [Cell(0, "patches"), Cell(2, "class_token")])
    together = list(frozen.over([IMAGES[:2], IMAGES[2:]]))
    for part, found in zip((IMAGES[:2], IMAGES[2:]), together, strict=True):
        for cell, values in frozen(part).items():
            torch.testing.assert_close(values, found[cell], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("cells", "options", "text"),
    [
        ([Cell(3, "patches")], {}, "layer 3: there are 0 .* to 2"),
        ([Cell(1, "patch")], {}, "pooling 'patch'; expected one of class_token"),
        ([Cell(0, "mean_head")], {}, "the embedding has no attention"),
        ([Cell(1, "oracle")], {}, "needs another model.s attention"),
    ],
)
def test_errors(cells, options, text):
    with pytest.raises(ValueError, match=text):
        Frozen(vit(), cells, **options)


def test_no_last_norm():
    with pytest.raises(ValueError, match="has no norm after its blocks"):
        Frozen(vit(final_norm=False), [Cell(1, "patches")], norm="final")


def test_block_0_is_block_0():
    assert chosen_layers(["0", "1"], 12) == [0, 1]
    assert chosen_layers(["-13"], 12) == [0]
    with pytest.raises(ValueError, match="layer 13: there are 0"):
        chosen_layers(["13"], 12)
    with pytest.raises(ValueError, match="layer 'last'"):
        chosen_layers(["last"], 12)
