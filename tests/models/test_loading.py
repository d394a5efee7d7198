"""Every weight of a file arrives, at any image size, or the error says which does not and why."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from timm.layers import set_fused_attn
from timm.models.vision_transformer import VisionTransformer

from models import image_transform, inspect_checkpoint, load_model, token_layout
from tests.models._tiny import beit, expected, mocov3, prefixed, saved, vit

TOLERANCE = 1e-5  # relative to max(1, |x|): an epsilon of 1e-5 in a LayerNorm moves features by only 2e-5


@pytest.fixture(params=[False, True], ids=["unfused", "fused"])
def fused(request):
    set_fused_attn(request.param)
    yield request.param
    set_fused_attn(True)


def close(actual, wanted):
    wanted = torch.as_tensor(np.asarray(wanted))
    error = ((actual.detach() - wanted).abs() / wanted.abs().clamp(min=1)).max()
    assert actual.shape == wanted.shape
    assert error < TOLERANCE, f"off by {error:.1e}"


def stream(model, images):
    """Embedding, then the residual stream after attention and after the MLP of every block."""
    seen = []
    hooks = []
    for block in model.blocks:
        hooks.append(block.norm2.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])))
        hooks.append(block.register_forward_hook(lambda _, inputs, output: seen.append(output)))
    first = model.blocks[0].register_forward_pre_hook(lambda _, inputs: seen.insert(0, inputs[0]))
    tokens = model.forward_features(images)
    for hook in [first, *hooks]:
        hook.remove()
    return torch.stack(seen), tokens


def test_golden_features_stream_and_tokens(golden_checkpoint, fused):
    arrays, meta, path = expected(golden_checkpoint)
    model = load_model(path, num_heads=meta["num_heads"])
    zs, tokens = stream(model, torch.as_tensor(arrays["x"]))
    close(zs, arrays["zs"])
    close(model.forward_head(tokens, pre_logits=True), arrays["features"])
    if "norm_tokens" in arrays:
        close(tokens, arrays["norm_tokens"])
    if "logits" in arrays:
        close(model(torch.as_tensor(arrays["x"])), arrays["logits"])
    assert not model.training


def test_golden_file_name_does_not_matter(golden_checkpoint, tmp_path):
    arrays, meta, path = expected(golden_checkpoint)
    shutil.copy(path, tmp_path / "foo.bin")
    model = load_model(tmp_path / "foo.bin", num_heads=meta["num_heads"])
    close(model.forward_head(model.forward_features(torch.as_tensor(arrays["x"])), pre_logits=True), arrays["features"])


def test_golden_preprocessing_and_sizes(golden_checkpoint):
    _, meta, path = expected(golden_checkpoint)
    model = load_model(path, num_heads=meta["num_heads"])
    assert [*model.pretrained_cfg["mean"], *model.pretrained_cfg["std"]] == [*meta["mean"], *meta["std"]]
    assert list(token_layout(model).grid) == meta["grid"]
    assert token_layout(model).prefix == meta["num_prefix_tokens"]
    assert model.passport.family == {"moco_v3": "mocov3"}.get(meta["family"], meta["family"])


# `features_student` is in the complete set only: a full DINO file is too large for the packaged one.
OPTIONAL = (
    *("features_momentum", "features_hr", "pos_embed_resized", "features_global_pool"),
    *("rel_pos_bias", "norm_tokens", "logits"),
)


@pytest.mark.parametrize("key", OPTIONAL)
def test_some_packaged_checkpoint_has_what_the_tests_below_look_for(key):
    folders = (Path(__file__).parents[1] / "golden" / "checkpoints").iterdir()
    assert any(key in np.load(folder / "expected.npz") for folder in folders)


def test_golden_other_parts(golden_checkpoint):
    arrays, meta, path = expected(golden_checkpoint)
    parts = {"momentum_encoder": "features_momentum", "student": "features_student"}
    for part, key in parts.items():
        if key in arrays:
            close(load_model(path, num_heads=meta["num_heads"], part=part)(torch.as_tensor(arrays["x"])), arrays[key])


def test_golden_other_image_size(golden_checkpoint):
    arrays, meta, path = expected(golden_checkpoint)
    if "features_hr" in arrays:
        model = load_model(path, num_heads=meta["num_heads"], img_size=meta["hr_img_size"])
        close(model.pos_embed, arrays["pos_embed_hr"])
        close(model(torch.as_tensor(arrays["x_hr"])), arrays["features_hr"])
    if "pos_embed_resized" in arrays:
        model = load_model(path, num_heads=meta["num_heads"], img_size=meta["resized_img_size"])
        close(model.pos_embed, arrays["pos_embed_resized"])


def test_golden_mae_mean_of_unnormed_tokens(golden_checkpoint):
    arrays, meta, path = expected(golden_checkpoint)
    if "features_global_pool" in arrays:
        model = load_model(path, num_heads=meta["num_heads"])
        zs, _ = stream(model, torch.as_tensor(arrays["x"]))
        close(model.norm(zs[-1][:, 1:].mean(1)), arrays["features_global_pool"])


def test_golden_shared_relative_bias(golden_checkpoint):
    arrays, _, path = expected(golden_checkpoint)
    if "rel_pos_bias" in arrays:
        model = load_model(path)
        assert torch.equal(model.rel_pos_bias().detach().squeeze(0), torch.as_tensor(arrays["rel_pos_bias"]))


def test_golden_heads_are_asked_for_unless_the_bias_table_tells(golden_checkpoint):
    _, meta, path = expected(golden_checkpoint)
    if meta["family"] in ("simmim", "beit"):
        with pytest.raises(ValueError, match=f"num_heads=2, but the file says {meta['num_heads']}"):
            load_model(path, num_heads=2)
    else:
        with pytest.raises(
            ValueError, match=rf"dim {meta['embed_dim']}, depth .*pass num_heads=.*\b{meta['num_heads']}\b"
        ):
            load_model(path)
        with pytest.raises(ValueError, match=f"num_heads=7 does not divide dim {meta['embed_dim']}"):
            load_model(path, num_heads=7)


def test_golden_pouring_into_ones_own_module(golden_checkpoint):
    arrays, meta, path = expected(golden_checkpoint)
    own = load_model(path, num_heads=meta["num_heads"], pretrained=False)
    before = {name: parameter.requires_grad for name, parameter in own.named_parameters()}
    poured = load_model(path, model=own.train())
    assert poured is own
    assert not own.training
    assert before == {name: parameter.requires_grad for name, parameter in own.named_parameters()}
    close(own.forward_head(own.forward_features(torch.as_tensor(arrays["x"])), pre_logits=True), arrays["features"])


@pytest.mark.parametrize("img_size", [(24, 48), (40, 16)])
@pytest.mark.parametrize("kind", ["mocov3", "mae", "dino", "simmim", "timm"])
def test_images_that_are_not_square(tmp_path, kind, img_size):
    model = beit() if kind == "simmim" else vit()
    state = model.state_dict()
    payload = {
        "mocov3": lambda: mocov3(model),
        "mae": lambda: {"model": state},
        "dino": lambda: state,
        "simmim": lambda: {"model": prefixed("encoder.", state)},
        "timm": lambda: {"state_dict": prefixed("module.", state)},
    }[kind]()
    loaded = load_model(saved(payload, tmp_path / "x.pth"), num_heads=3, img_size=img_size)
    assert loaded.passport.family == kind
    rows, columns = img_size[0] // 8, img_size[1] // 8
    assert token_layout(loaded).grid == (rows, columns)
    assert loaded.forward_features(torch.rand(1, 3, *img_size)).shape == (1, 1 + rows * columns, 24)
    assert loaded.pretrained_cfg["input_size"] == (3, *img_size)
    if kind != "simmim":  # the prefix row stays, a constant table stays constant
        torch.testing.assert_close(loaded.pos_embed[:, 0], model.pos_embed[:, 0])


def test_a_file_trained_on_images_that_are_not_square(tmp_path):
    model = vit(img_size=(24, 40))  # 15 patches and the class token: 16 rows, which must not be taken for 4 x 4
    path = saved({"model": model.state_dict()}, tmp_path / "x.pth")
    images = torch.rand(2, 3, 24, 40)
    torch.testing.assert_close(load_model(path, num_heads=3, img_size=(24, 40))(images), model(images))


def test_an_unknown_grid_is_asked_for(tmp_path):
    path = saved({"model": vit(img_size=(16, 24)).state_dict()}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"6 patches.*load_model\(path, img_size=\(height, width\)\) is told"):
        load_model(path, num_heads=3)
    with pytest.raises(ValueError, match=r"6 patches make no square grid"):
        load_model(path, num_heads=3, img_size=64)


@pytest.mark.parametrize(
    ("img_size", "said"), [(33, r"no multiple of the patch.*nearest is \(32, 32\)"), (0, "above 0")]
)
def test_impossible_image_sizes(tmp_path, img_size, said):
    with pytest.raises(ValueError, match=said):
        load_model(saved({"model": vit().state_dict()}, tmp_path / "x.pth"), num_heads=3, img_size=img_size)


def broken(change):
    state = vit().state_dict()
    change(state)
    return {"model": state}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("blocks.1.mlp.fc2.bias"), r"1 parameters get no weight \(blocks.1.mlp.fc2.bias\)"),
        (lambda state: state.update(extra=torch.ones(2)), r"1 weights have no place \(extra\)"),
        (lambda state: state.update({"norm.bias": torch.ones(5)}), r"1 shapes differ \(norm.bias \(5,\) for \(24,\)\)"),
        (lambda state: state.pop("blocks.0.mlp.fc1.weight"), "x.pth: no 'blocks.0.mlp.fc1.weight'.*damaged"),
    ],
)
def test_strictness(tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        load_model(saved(broken(change), tmp_path / "x.pth"), num_heads=3)


def test_a_module_of_another_kind_is_left_as_it_was(tmp_path):
    path = saved({"model": vit().state_dict()}, tmp_path / "x.pth")
    for own, said in [
        (vit(global_pool="avg"), "build it with global_pool='token'"),
        (vit(num_classes=5), "build the model with the file's num_classes"),
        (vit(img_size=48), "pass img_size= of the model"),
        (vit(init_values=0.1), "1 parameters|parameters get no weight"),
        (vit(num_heads=4), "x.pth: 3 heads were expected, the model has 4"),
    ]:
        before = {name: value.clone() for name, value in own.state_dict().items()}
        with pytest.raises(ValueError, match=said):
            load_model(path, model=own, num_heads=3)
        torch.testing.assert_close(own.state_dict(), before)
    with pytest.raises(ValueError, match="no weights to pour"):
        load_model(path, model=vit(), pretrained=False)


def test_mocov3_small_has_twelve_heads_and_will_not_go_into_six(tmp_path):
    small = VisionTransformer(
        img_size=32, patch_size=16, embed_dim=384, depth=12, num_heads=6, num_classes=0, mlp_ratio=0.1
    )
    path = saved(mocov3(small), tmp_path / "x.pth")
    assert load_model(path).blocks[0].attn.num_heads == 12
    with pytest.raises(ValueError, match="12 heads were expected, the model has 6"):
        load_model(path, model=small)


def test_bare_files_may_be_told_by_the_caller(tmp_path):
    path = saved(vit().state_dict(), tmp_path / "x.pth")
    known = load_model(path, num_heads=3).passport
    assert (known.family, known.title, known.licence, known.saw_labels) == ("dino", "ViT", None, None)
    assert load_model(path, num_heads=3, family="timm").passport.family == "timm"
    with pytest.raises(ValueError, match=r"family='vgg' is not known; expected one of mocov3"):
        load_model(path, family="vgg")
    with pytest.raises(ValueError, match=r"not a file of family='simmim'.*its keys are"):
        load_model(path, family="simmim")


@pytest.mark.parametrize("classes", [0, 2])
def test_a_tiny_vit_of_timm_has_its_three_heads_with_and_without_classifier(tmp_path, classes):
    model = vit(embed_dim=192, depth=12, mlp_ratio=0.1, num_classes=classes)
    path = saved(model.state_dict(), tmp_path / "x.pth")
    assert load_model(path).blocks[0].attn.num_heads == inspect_checkpoint(path).heads == 3


def test_registers_and_other_options_follow_from_the_keys(tmp_path):
    options = {"reg_tokens": 4, "init_values": 1e-5, "qk_norm": True, "no_embed_class": True, "num_classes": 7}
    model = vit(**options)
    save_file(model.state_dict(), tmp_path / "x.bin")
    images = torch.rand(1, 3, 32, 32)
    loaded = load_model(tmp_path / "x.bin")
    torch.testing.assert_close(loaded(images), model(images))
    assert token_layout(loaded).registers == 4
    assert loaded.passport.saw_labels


def test_minis():
    for name in ("mini-moco", "mini-simmim", "mini-random"):
        model = load_model(name)
        assert token_layout(model).grid == (8, 8)
        assert not model.training
        assert model.pretrained_cfg["input_size"] == (3, 32, 32)
        assert model.pretrained_cfg["mean"] == (0.4914, 0.4822, 0.4465)
        assert "CenterCrop(size=(32, 32))" in str(image_transform(model))
        assert load_model(name, img_size=(16, 24))(torch.rand(1, 3, 16, 24)).shape == (1, 96)


def test_a_mini_by_its_path_reads_its_card(tmp_path):
    import models

    folder = next(iter(models.__path__))
    by_path = load_model(f"{folder}/mini/moco.safetensors")
    torch.testing.assert_close(by_path.state_dict(), load_model("mini-moco").state_dict())
    assert by_path.passport.licence == "MIT"
    assert by_path.passport.saw_labels is False
    assert by_path.pretrained_cfg["std"] == (0.247, 0.243, 0.261)


def test_the_random_mini_is_the_same_for_everybody_and_leaves_the_random_state():
    torch.manual_seed(1)
    first = load_model("mini-random")
    drawn = torch.rand(3)
    torch.manual_seed(1)
    torch.testing.assert_close(torch.rand(3), drawn)
    torch.testing.assert_close(load_model("mini-random").state_dict(), first.state_dict(), rtol=0, atol=0)
    untrained = load_model("mini-moco", pretrained=False)
    assert untrained.state_dict().keys() == first.state_dict().keys()
    assert untrained.passport.format == "untrained"
    own = load_model("mini-moco", pretrained=False)
    torch.testing.assert_close(load_model("mini-random", model=own).state_dict(), first.state_dict())


def test_published_names_without_weights():
    moco = load_model("vit_small_patch16_224.mocov3", pretrained=False)
    assert moco.blocks[0].attn.num_heads == 12
    assert moco.pretrained_cfg["interpolation"] == "bilinear"
    with pytest.raises(ValueError, match="6 heads were expected, the model has 12"):
        load_model("vit_small_patch16_224.mocov3", pretrained=False, num_heads=6)
    with pytest.raises(ValueError, match=r"family= and part= are for checkpoint files"):
        load_model("moco", family="dino")


def test_timm_names_without_weights():
    model = load_model("vit_tiny_patch16_224.augreg_in21k_ft_in1k", pretrained=False, img_size=(32, 64))
    assert model(torch.rand(1, 3, 32, 64)).shape == (1, 1000)
    assert model.pretrained_cfg["mean"] == (0.5, 0.5, 0.5)
    assert token_layout(model).grid == (2, 4)
    assert load_model("vit_small_patch16_224.dino", pretrained=False).num_classes == 0
    with pytest.raises(ValueError, match="no multiple of the patch"):
        load_model("vit_tiny_patch16_224", pretrained=False, img_size=40)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("swin_base_patch4_window7_224", "not a plain ViT: it attends inside shifted windows"),
        ("maxvit_tiny_tf_224", "not a plain ViT: it alternates window and grid"),
        ("cait_s24_224", "not a plain ViT: it mixes heads"),
        ("xcit_nano_12_p16_224", "between channels"),
        ("levit_128", "shrinks its grid"),
        ("pit_ti_224", "pools its patches"),
        ("vit_base_r50_s16_224", "from a convolutional network"),
        ("resnet50", "another kind of network"),
        ("vit_base_patch16_224.no_such_tag", "timm knows no such weights; it has vit_base_patch16_224.a"),
        ("mokko", "the nearest names are moco"),
        ("MOCO", "the nearest names are moco"),
        ("nope", r"no file; `python -m models list` shows the names"),
        ("vit_base_patch16_24.mocov3", "vit_base_patch16_224.mocov3"),
        ("vit_bse_patch16_384", "nearest names are .*vit_base_patch16_384"),
        ("", "empty"),
        ("no_such_file.pth", "no such checkpoint file"),
    ],
)
def test_names_that_are_refused(name, said):
    with pytest.raises((ValueError, OSError), match=said):
        load_model(name)


def test_an_existing_file_wins_over_nothing_but_a_known_name(tmp_path, monkeypatch):
    saved({"model": vit().state_dict()}, tmp_path / "weights")
    saved({"model": vit().state_dict()}, tmp_path / "mini-random")
    monkeypatch.chdir(tmp_path)
    assert load_model("weights", num_heads=3).embed_dim == 24
    assert load_model("mini-random").embed_dim == 96


def test_registers_in_the_position_table_are_not_taken_for_patches(tmp_path):
    model = vit(img_size=16, reg_tokens=4)  # 2 x 2 patches and 5 rows in front: 9 rows, which are no 3 x 3 grid
    save_file(model.state_dict(), tmp_path / "x.safetensors")
    images = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(load_model(tmp_path / "x.safetensors", num_heads=3)(images), model(images))


def test_preprocessing_by_family(tmp_path):
    moco = load_model(saved(mocov3(vit()), tmp_path / "moco.pth"), num_heads=3)
    mae = load_model(saved({"model": vit().state_dict()}, tmp_path / "mae.pth"), num_heads=3)
    assert moco.pretrained_cfg["interpolation"] == "bilinear"
    assert mae.pretrained_cfg["interpolation"] == "bicubic"
    assert moco.pretrained_cfg["crop_pct"] == mae.pretrained_cfg["crop_pct"] == 0.875
