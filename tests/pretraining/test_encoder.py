"""The encoder of a recipe."""

import pytest
import torch

from models.sine_cosine import sine_cosine_positions
from pretraining.encoder import build_encoder
from pretraining.recipe import parsed

RECIPE = """
METHOD: supervised
ENCODER: {ARCH: vit_tiny_patch16_224, IMG_SIZE: 32, PATCH_SIZE: 4, EMBED_DIM: 96, NUM_HEADS: 3, POSITIONS: sincos}
"""


@pytest.fixture
def node():
    """`node(**settings)`: the miniature encoder with other settings, which the recipe's checks have not seen."""

    def made(**settings):
        encoder = parsed(RECIPE).ENCODER.clone()
        encoder.defrost()
        for name, value in settings.items():
            encoder[name] = value
        return encoder

    return made


def test_sizes_are_the_recipes(node):
    encoder = build_encoder(node(DEPTH=2))
    assert (len(encoder.blocks), encoder.embed_dim, encoder.blocks[0].attn.num_heads) == (2, 96, 3)
    assert encoder.patch_embed.grid_size == (8, 8)
    assert encoder(torch.randn(1, 3, 32, 32)).shape == (1, 96)


def test_zero_is_the_architectures_own(node):
    encoder = build_encoder(node(EMBED_DIM=0, NUM_HEADS=0, DEPTH=1))
    assert (encoder.embed_dim, encoder.blocks[0].attn.num_heads) == (192, 3)


def test_positions(node):
    fixed, learned = (build_encoder(node(DEPTH=1, POSITIONS=kind)) for kind in ("sincos", "learned"))
    assert torch.equal(fixed.pos_embed[0, 1:], sine_cosine_positions((8, 8), 96))
    assert not fixed.pos_embed[0, 0].any()
    assert not fixed.pos_embed.requires_grad
    assert learned.pos_embed.requires_grad


def test_further_arguments_of_timm(node):
    encoder = build_encoder(node(DEPTH=1, OPTIONS={"init_values": 0.1}))
    assert encoder.blocks[0].ls1.gamma.shape == (96,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"IMG_SIZE": 30}, r"IMG_SIZE=30 is not divisible by ENCODER.PATCH_SIZE=4"),
        ({"NUM_HEADS": 5}, r"EMBED_DIM=96 is not divisible by ENCODER.NUM_HEADS=5"),
        ({"POSITIONS": "rotary"}, r"POSITIONS='rotary'; expected one of learned, sincos"),
        ({"ARCH": "vit_imaginary"}, r"ARCH='vit_imaginary' is no architecture of timm"),
        ({"ARCH": "resnet18"}, r"ARCH='resnet18' cannot be built .* expected a ViT or BEiT"),
        ({"OPTIONS": {"class_token": False}}, r"cannot be built .*class token"),
        ({"OPTIONS": {"class_token": False, "global_pool": "avg"}}, r"OPTIONS take the class token away"),
        ({"OPTIONS": {"global_pool": "avg"}}, r"OPTIONS take the class token away"),
        ({"OPTIONS": {"colour": 3}}, r"cannot be built .*colour"),
        (
            {"ARCH": "beit_base_patch16_224", "DEPTH": 1, "OPTIONS": {"use_abs_pos_emb": False}},
            r"the encoder has no table of absolute positions",
        ),
        ({"EMBED_DIM": 90, "NUM_HEADS": 3}, r"dim=90: sine-cosine positions need a width divisible by 4"),
    ],
)
def test_refused(settings, message, node):
    with pytest.raises(ValueError, match=message):
        build_encoder(node(**settings))
