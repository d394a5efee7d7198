"""What models say of their tokens."""

import pytest
import timm
import torchvision
import transformers
from torch import nn

from models import TokenLayout, token_layout


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vit_tiny_patch16_224", TokenLayout(1, 0, (14, 14), 16)),
        ("vit_small_patch14_reg4_dinov2", TokenLayout(1, 4, (37, 37), 14)),
        ("beit_base_patch16_224", TokenLayout(1, 0, (14, 14), 16)),
        ("eva02_tiny_patch14_224", TokenLayout(1, 0, (16, 16), 14)),
        ("vit_base_patch16_siglip_224", TokenLayout(0, 0, (14, 14), 16)),
    ],
)
def test_timm(name, expected):
    options = {"depth": 1} if "siglip" in name else {"depth": 1, "num_classes": 0}
    assert token_layout(timm.create_model(name, **options)) == expected


def test_timm_not_square():
    model = timm.create_model("vit_tiny_patch16_224", depth=1, img_size=(224, 320))
    assert token_layout(model) == TokenLayout(1, 0, (14, 20), 16)
    model = timm.create_model("vit_tiny_patch16_224", depth=1, img_size=(64, 64), patch_size=(8, 16))
    assert token_layout(model) == TokenLayout(1, 0, (8, 4), (8, 16))


def test_torchvision_and_transformers():
    model = torchvision.models.VisionTransformer(64, 16, 1, 4, 48, 96)
    assert token_layout(model) == TokenLayout(1, 0, (4, 4), 16)
    config = transformers.Dinov2WithRegistersConfig(
        hidden_size=48, num_hidden_layers=1, num_attention_heads=4, image_size=56, patch_size=14, num_register_tokens=4
    )
    assert token_layout(transformers.Dinov2WithRegistersModel(config)) == TokenLayout(1, 4, (4, 4), 14)


def test_unknown():
    with pytest.raises(ValueError, match=r"Linear does not say what its tokens are.*pass layout=TokenLayout"):
        token_layout(nn.Linear(2, 2))


def test_of_other_images():
    layout = TokenLayout(1, 4, (37, 37), 14)
    assert layout.prefix == 5 and layout.patches == 1369
    assert layout.for_image(224, 322, 5 + 16 * 23).grid == (16, 23)
    assert layout.for_image(225, 322, 5 + 17 * 23).grid == (17, 23)  # padded to whole patches
    with pytest.raises(ValueError, match=r"224 x 322 px in patches of 14 x 14 px make 368 patches.*saw 100"):
        layout.for_image(224, 322, 100)
