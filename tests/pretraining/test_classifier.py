"""Encoders made ready to be fine-tuned, against the classes that timm builds so from the start."""

import pytest
import torch
from timm.layers import DropPath
from timm.models.eva import Eva
from torch import nn

from pretraining.classifier import add_classifier, bias_per_block, set_drop_path
from tests.models._tiny import SIZES, beit, vit


def eva(**options):
    torch.manual_seed(3)
    return Eva(**{**SIZES, "num_classes": 0, "global_pool": "token", "use_rot_pos_emb": True, **options}).eval()


def images():
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def timms(model, **options):
    """What timm builds with a pooling and a classifier, holding the same weights."""
    made = {"VisionTransformer": vit, "Beit": beit, "Eva": eva}[type(model).__name__](num_classes=5, **options)
    made.load_state_dict(model.state_dict(), strict=True)
    return made.eval()


@pytest.mark.parametrize("made", [vit, beit, eva])
@pytest.mark.parametrize(("pooling", "kind"), [("patches", "avg"), ("class_token", "token")])
def test_same_as_timms_own(made, pooling, kind):
    model = made()
    add_classifier(model, 5, pooling=pooling, std=0.5)
    for norm in (model.norm, model.fc_norm):
        for values in norm.parameters():  # so that a norm at the wrong place is seen
            nn.init.uniform_(values)
    torch.testing.assert_close(model(images()), timms(model, global_pool=kind)(images()), rtol=1e-5, atol=1e-5)


def test_mean_of_the_patches_by_hand():
    """Registers and class token aside; the norm behind the mean starts anew."""
    model = vit(reg_tokens=2)
    norm = model.norm
    add_classifier(model, 5, pooling="patches", std=0.5)
    assert isinstance(model.norm, nn.Identity) and model.fc_norm is not norm
    assert model.fc_norm.weight.eq(1).all() and not model.fc_norm.bias.any() and model.fc_norm.eps == norm.eps
    mean = model.forward_features(images())[:, 3:].mean(1)
    expected = model.head(nn.functional.layer_norm(mean, (24,), eps=norm.eps))
    torch.testing.assert_close(model(images()), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("pooling", "kind"), [("patches", "avg"), ("class_token", "token")])
def test_the_norm_of_the_weights_stays_where_the_pooling_is_theirs(pooling, kind):
    model = vit(global_pool=kind, num_classes=7)
    before = {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("head")}
    add_classifier(model, 5, pooling=pooling, std=0.5)
    after = {name: value for name, value in model.state_dict().items() if not name.startswith("head")}
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_the_classifier_starts_small():
    model = vit(embed_dim=96)
    add_classifier(model, 500, pooling="patches", std=2e-5)
    assert model.head.weight.std().item() == pytest.approx(2e-5, rel=0.02)
    assert not model.head.bias.any()
    assert model(images()).shape == (3, 500)


def test_there_must_be_a_class_token_to_take():
    model = vit(class_token=False, global_pool="avg")
    with pytest.raises(ValueError, match=r"FINETUNE\.POOLING is 'class_token', but these weights have none"):
        add_classifier(model, 5, pooling="class_token", std=1.0)


@pytest.mark.parametrize("made", [vit, beit, eva])
def test_drop_path_is_timms(made):
    model, wanted = made(depth=3), made(depth=3, drop_path_rate=0.4)
    set_drop_path(model, 0.4)
    for block, other in zip(model.blocks, wanted.blocks, strict=True):
        for name in ("drop_path1", "drop_path2"):
            found, expected = getattr(block, name), getattr(other, name)
            assert type(found) is type(expected)
            if isinstance(expected, DropPath):
                assert found.drop_prob == pytest.approx(expected.drop_prob)
    set_drop_path(model, 0.0)
    assert not [module for module in model.modules() if isinstance(module, DropPath)]


def test_blocks_that_cannot_be_skipped():
    from timm.models.vision_transformer import ParallelScalingBlock

    model = vit(block_fn=ParallelScalingBlock)
    with pytest.raises(ValueError, match=r"DROP_PATH is 0\.1, but a ParallelScalingBlock cannot be skipped"):
        set_drop_path(model, 0.1)


def test_a_table_for_each_block_says_the_same_at_first():
    model = beit()
    expected = model(images())
    bias_per_block(model)
    torch.testing.assert_close(model(images()), expected, rtol=1e-6, atol=1e-6)
    names = {name for name, _ in model.named_parameters() if "relative_position" in name}
    assert names == {f"blocks.{block}.attn.relative_position_bias_table" for block in (0, 1)}
    own = beit(use_shared_rel_pos_bias=False, use_rel_pos_bias=True)
    own.load_state_dict(model.state_dict(), strict=True)
    torch.testing.assert_close(own(images()), expected, rtol=1e-6, atol=1e-6)
    model(images()).sum().backward()
    tables = [block.attn.relative_position_bias_table for block in model.blocks]
    assert not tables[0].grad.equal(tables[1].grad)


@pytest.mark.parametrize("model", [vit(), beit(use_shared_rel_pos_bias=False)], ids=["vit", "beit"])
def test_there_must_be_a_shared_table(model):
    with pytest.raises(ValueError, match=r"FINETUNE\.RELATIVE_BIAS is 'block', but these weights have no table"):
        bias_per_block(model)
