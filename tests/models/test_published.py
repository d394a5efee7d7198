"""Names of the registry and of timm, with small stand-ins for the published files."""

from pathlib import Path

import pytest
import timm
import torch

from models import load_decoder, load_model, loading
from models.checkpoints.positions import resized_positions
from models.decoder import _NAMES, Decoder
from models.weights.registry import REGISTRY, Weights
from tests.models._tiny import SIZES, beit, mocov3, prefixed, saved, vit

MOCO = "vit_tiny_patch16_224.small_moco"


def published(monkeypatch, folder, name, family, payload, **changes):
    """Enter a small file into the registry, as if it lay in the cache already."""
    monkeypatch.setenv("VIT_ANATOMY_CACHE", str(folder))
    monkeypatch.setenv("VIT_ANATOMY_OFFLINE", "1")
    weights = Weights(
        name=name,
        architecture=name.split(".")[0],
        family=family,
        method="A method",
        data="noise",
        licence="MIT",
        paper="",
        filename="file.pth",
        urls=("https://example.org/file.pth",),
        **{"options": {**SIZES, "num_classes": 0}, **changes},
    )
    monkeypatch.setitem(REGISTRY, name, weights)
    if payload is not None:
        saved(payload, Path(folder) / "file.pth")
    return weights


def test_a_published_file_fills_the_registered_architecture(monkeypatch, tmp_path):
    model = vit()
    published(monkeypatch, tmp_path, MOCO, "mocov3", mocov3(model), crop_pct=0.5)
    images = torch.rand(2, 3, 32, 32)
    loaded = load_model(MOCO)
    torch.testing.assert_close(loaded(images), model(images))
    assert loaded.passport.title == "A method"
    assert loaded.passport.heads == 3
    assert len(loaded.passport.sha256) == 64
    assert loaded.pretrained_cfg["crop_pct"] == 0.5
    assert load_model(MOCO, img_size=(16, 40))(torch.rand(1, 3, 16, 40)).shape == (1, 24)
    own = vit()
    assert load_model(MOCO, model=own) is own
    torch.testing.assert_close(own(images), model(images))
    with pytest.raises(ValueError, match="3 heads were expected, the model has 4"):
        load_model(MOCO, model=vit(num_heads=4))
    with pytest.raises(ValueError, match="2 heads were expected, the model has 3"):
        load_model(MOCO, num_heads=2)


def test_a_published_file_that_does_not_fit_is_refused(monkeypatch, tmp_path):
    published(monkeypatch, tmp_path, MOCO, "mocov3", mocov3(vit(depth=3)))
    with pytest.raises(
        ValueError, match=r"file.pth: does not fit VisionTransformer: 12 weights have no place \(blocks.2"
    ):
        load_model(MOCO)


def test_a_bare_encoder_needs_the_registry_to_tell_its_family(monkeypatch, tmp_path):
    model = beit()
    options = {"use_abs_pos_emb": False, "use_rel_pos_bias": False, "use_shared_rel_pos_bias": True}
    options |= {**SIZES, "num_classes": 0, "init_values": 0.1, "global_pool": "token"}
    name = "beit_base_patch16_224.small"
    payload = {"model": prefixed("encoder.", model.state_dict())}
    published(monkeypatch, tmp_path, name, "simmim", payload, options=options)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(load_model(name)(images), model(images))


@pytest.mark.parametrize(("family", "how"), [("mae", "bicubic"), ("dino", "scale_factor")])
def test_hosted_positions_are_resized_as_the_family_does(monkeypatch, tmp_path, family, how):
    hosted = vit()
    weights = published(monkeypatch, tmp_path, f"vit_tiny_patch16_224.{family}", family, None, timm_hosted=True)

    def stand_in(name, weights, *, pretrained, img_size):
        return (
            hosted
            if pretrained
            else timm.create_model("vit_tiny_patch16_224", **{**weights.options, "img_size": img_size})
        )

    hosted.pretrained_cfg = {}
    monkeypatch.setattr(loading, "timm_model", stand_in)
    loaded = load_model(weights.name, img_size=(48, 24))
    wanted = resized_positions(hosted.pos_embed, old=(4, 4), new=(6, 3), prefix=1, how=how)
    torch.testing.assert_close(loaded.pos_embed, wanted)
    torch.testing.assert_close(loaded.blocks.state_dict(), hosted.blocks.state_dict())
    assert loaded.passport.format == "weights hosted by timm"


def test_the_authors_file_in_the_cache_stands_in_for_timm(monkeypatch, tmp_path):
    model = vit()
    name = "vit_tiny_patch16_224.mae"
    published(monkeypatch, tmp_path, name, "mae", {"model": model.state_dict()}, timm_hosted=True)
    images = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(load_model(name)(images), model(images))


def test_a_mirror_stands_in_for_a_hub_out_of_reach(monkeypatch, tmp_path):
    model = vit()
    name = "vit_tiny_patch16_224.mae"
    published(monkeypatch, tmp_path / "cache", name, "mae", None, timm_hosted=True)
    (tmp_path / "mirror").mkdir()
    saved({"model": model.state_dict()}, tmp_path / "mirror" / "file.pth")
    monkeypatch.setenv("VIT_ANATOMY_MIRROR", str(tmp_path / "mirror"))
    create = timm.create_model

    def unreachable(*arguments, pretrained=False, **options):
        if pretrained:
            raise ConnectionError("Name or service not known")
        return create(*arguments, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", unreachable)
    monkeypatch.setattr(timm, "list_pretrained", lambda pattern: [name])
    images = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(load_model(name)(images), model(images))


def test_a_hub_out_of_reach_names_the_cure(monkeypatch, tmp_path):
    def unreachable(*arguments, **options):
        raise ConnectionError("Name or service not known")

    monkeypatch.setenv("VIT_ANATOMY_CACHE", str(tmp_path))
    monkeypatch.setenv("VIT_ANATOMY_OFFLINE", "1")
    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(
        OSError,
        match=r"could not load .*VIT_ANATOMY_OFFLINE forbids.*HF_HOME.*dino_vitbase16_pretrain.pth and put the file at",
    ):
        load_model("dino")


def test_the_decoder_of_published_weights(monkeypatch, tmp_path):
    decoder = Decoder(24, dim=512, depth=8, num_heads=16, patches=16, patch_size=8)
    official = {short: long for long, short in _NAMES.items()}
    state = {}
    for name, value in decoder.state_dict().items():
        head, dot, rest = name.partition(".")
        state[f"{official[head]}{dot}{rest}"] = value
    payload = {"model": {**vit().state_dict(), **state}}
    published(monkeypatch, tmp_path, "vit_base_patch16_224.mae_full", "mae", payload)
    loaded = load_decoder("mae")
    torch.testing.assert_close(loaded.state_dict(), decoder.state_dict())
    assert loaded.blocks[0].attn.num_heads == 16
