"""From a recipe to a method, and what is refused."""

import math

import pytest
import torch

from pretraining.methods import METHODS
from pretraining.objectives import build_objective
from tests.pretraining.objectives.recipes import small_recipe


def batch_of(count):
    random = torch.Generator().manual_seed(1)
    images = torch.randn(3, count, 3, 16, 16, generator=random)
    views = dict(zip(("image", "view1", "view2"), images, strict=True))
    mask = (torch.rand(count, 4, 4, generator=random) < 0.5).long()
    noise, label = torch.rand(count, 16, generator=random), torch.arange(count) % 3
    return {**views, "mask": mask, "noise": noise, "label": label}


def changed(recipe, **encoder):
    """A recipe with other settings of the encoder, which its own checks have not seen."""
    recipe = recipe.clone()
    recipe.defrost()
    for name, value in encoder.items():
        recipe.ENCODER[name] = value
    return recipe


@pytest.mark.parametrize("method", METHODS)
def test_seed_decides_weights_and_loss(method):
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        objective = build_objective(small_recipe(method), classes=3)
        losses.append(objective(batch_of(4))["loss"].item())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("method", METHODS)
def test_every_trained_parameter_receives_a_gradient(method):
    """DistributedDataParallel would wait for one that does not."""
    objective = build_objective(small_recipe(method), classes=3)
    objective(batch_of(4))["loss"].backward()
    assert not [name for name, p in objective.named_parameters() if p.requires_grad and p.grad is None]


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"finetune"}))
def test_weights_that_a_method_would_ignore_are_refused(method):
    with pytest.raises(ValueError, match=rf"ENCODER\.WEIGHTS is 'mini-mae', but METHOD {method} starts from random"):
        build_objective(small_recipe(method, "ENCODER.WEIGHTS", "mini-mae"), classes=3)


def test_miniature_methods_start_from_the_same_encoder():
    states = []
    for method in METHODS.keys() - {"finetune"}:  # whose last norm is elsewhere
        torch.manual_seed(0)
        state = build_objective(small_recipe(method), classes=3).encoder.state_dict()
        states.append({name: value for name, value in state.items() if not name.startswith(("head", "mask_token"))})
    for state in states[1:]:
        torch.testing.assert_close(state, states[0], rtol=0, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_the_encoder_stays_plain(method):
    """After a forward pass no hook of ours is left: whoever analyses the encoder sees timm's."""
    objective = build_objective(small_recipe(method), classes=3)
    objective(batch_of(4))
    assert not any(module._forward_hooks for module in objective.modules())


@pytest.mark.parametrize("method", METHODS)
def test_bfloat16_gives_losses_in_float32(method):
    objective = build_objective(small_recipe(method), classes=3)
    with torch.autocast("cpu", torch.bfloat16):
        parts = objective(batch_of(4))
    assert {value.dtype for value in parts.values()} == {torch.float32}
    assert parts["loss"].isfinite()


@pytest.mark.parametrize("method", ["simmim", "mae", "hybrid"])
def test_painted_images(method):
    objective = build_objective(small_recipe(method), classes=3)
    assert objective.reconstruction(batch_of(2)).shape == (2, 3, 16, 16)


def test_sine_cosine_positions_are_not_trained():
    objective = build_objective(small_recipe("mae"), classes=0)
    for table in (objective.encoder.pos_embed, objective.decoder.pos_embed):
        assert not table.requires_grad
        assert not table[0, 0].any()
        assert table[0, 1:].any()


@pytest.mark.parametrize("method", ["mocov3", "hybrid"])
def test_batch_of_one_is_refused(method):
    objective = build_objective(small_recipe(method), classes=0)
    with pytest.raises(ValueError, match="batch of 1 image"):
        objective(batch_of(1))


def test_unknown_method():
    recipe = small_recipe("mae").clone()
    recipe.defrost()
    recipe.METHOD = "dino"
    with pytest.raises(ValueError, match=r"METHOD='dino'; expected one of mocov3, simmim, mae"):
        build_objective(recipe, classes=0)


def test_unknown_initialisation():
    with pytest.raises(ValueError, match=r"ENCODER.INIT='xavier'; expected one of method, timm"):
        build_objective(changed(small_recipe("mae"), INIT="xavier"), classes=0)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ({"ARCH": "beit_base_patch16_224", "POSITIONS": "learned"}, r"METHOD=mae cannot use a Beit"),
        ({"OPTIONS": {"reg_tokens": 4}}, r"this one has 5 \(ENCODER.OPTIONS.reg_tokens\)"),
    ],
)
def test_encoders_that_mae_cannot_use(encoder, message):
    with pytest.raises(ValueError, match=message):
        build_objective(changed(small_recipe("mae"), **encoder), classes=0)


def test_mae_must_remove_some_patches():
    recipe = small_recipe("mae").clone()
    recipe.defrost()
    recipe.MAE.RATIO = 0.99
    with pytest.raises(ValueError, match=r"MAE.RATIO=0.99 keeps 0 of 16 patches"):
        build_objective(recipe, classes=0)


def bound(weight):
    return weight.abs().max().item()


def test_mocov3s_own_weights():
    encoder = build_objective(small_recipe("mocov3", "ENCODER.INIT", "method"), classes=0).encoder
    block = encoder.blocks[1]
    for part in block.attn.qkv.weight.chunk(3):
        assert 0.9 * math.sqrt(6 / 64) < bound(part) <= math.sqrt(6 / 64)
    assert 0.9 * math.sqrt(6 / 160) < bound(block.mlp.fc1.weight) <= math.sqrt(6 / 160)
    patch = math.sqrt(6 / (3 * 16 + 32))
    assert 0.9 * patch < bound(encoder.patch_embed.proj.weight) <= patch
    assert not encoder.patch_embed.proj.bias.any()
    assert 0 < bound(encoder.cls_token) < 1e-5


def test_maes_own_weights():
    objective = build_objective(small_recipe("mae", "ENCODER.INIT", "method"), classes=0)
    qkv = objective.encoder.blocks[0].attn.qkv.weight
    assert 0.9 * math.sqrt(6 / 128) < bound(qkv) <= math.sqrt(6 / 128)
    patch = math.sqrt(6 / (3 * 16 + 32))
    assert 0.9 * patch < bound(objective.encoder.patch_embed.proj.weight) <= patch
    assert 0.01 < objective.encoder.cls_token.std().item() < 0.03
    assert 0.01 < objective.decoder.mask_token.std().item() < 0.03
    assert not objective.decoder.pred.bias.any()


def test_simmims_own_weights():
    encoder = build_objective(small_recipe("simmim", "ENCODER.INIT", "method"), classes=0).encoder
    for level, block in enumerate(encoder.blocks, start=1):
        assert 0.019 < bound(block.attn.qkv.weight) <= 0.02
        for weight in (block.attn.proj.weight, block.mlp.fc2.weight):
            assert 0.019 / math.sqrt(2 * level) < bound(weight) <= 0.02 / math.sqrt(2 * level)
        assert not block.attn.qkv.bias.any()
    assert 0 < bound(encoder.mask_token) <= 0.02
