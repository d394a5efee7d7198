"""What timm hosts: from caches and mirrors without a connection, and a host that does not answer told in seconds."""

import socket
import time

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from models import load_model
from models.__main__ import main
from models.checkpoints.timm_weights import timm_model
from models.weights.hub import no_network, on_disk, own_cache
from models.weights.registry import ALIASES, entry
from tests.models._server import Page, serve
from tests.models._tiny import SIZES, saved, vit
from tests.models.test_published import published

NAME = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
VARIABLES = ("VIT_ANATOMY_CACHE", "VIT_ANATOMY_MIRROR", "VIT_ANATOMY_OFFLINE", "HF_HUB_OFFLINE")


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Empty caches, no variables, and the names that were looked up."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    asked = []

    def nobody(host, *rest, **options):
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    return asked


def cached(folder, name=NAME):
    """Random weights laid into a folder as Hugging Face's library keeps them."""
    model = timm.create_model(name)
    snapshot = folder / f"models--timm--{name}" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    save_file(model.state_dict(), snapshot / "model.safetensors")
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("0" * 40)
    return model


@pytest.mark.parametrize("variable", ["VIT_ANATOMY_OFFLINE", "HF_HUB_OFFLINE"])
@pytest.mark.parametrize("name", ["mae", "dino", "supervised", "vit_tiny_patch16_224", "hf-hub:timm/nothing"])
def test_offline_nobody_is_asked(monkeypatch, alone, variable, name):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(OSError, match=f"{variable} forbids the network"):
        load_model(name)
    if name in ALIASES:
        assert main(["download", name]) == 1
    assert alone == [] and constants.HF_HUB_OFFLINE is False


def test_offline_an_address_of_its_own_is_not_asked(monkeypatch, alone, tmp_path):
    configuration = timm.models.PretrainedCfg(url="https://example.org/own.pth")
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda *_, **__: configuration)
    monkeypatch.setenv("VIT_ANATOMY_OFFLINE", "1")
    with pytest.raises(OSError, match="forbids the network"):
        timm_model(NAME, None, pretrained=True, img_size=None)
    assert alone == [] and not on_disk(NAME, None)
    (tmp_path / "torch" / "checkpoints").mkdir(parents=True)
    (tmp_path / "torch" / "checkpoints" / "own.pth").touch()
    assert on_disk(NAME, None)


@pytest.mark.parametrize("place", ["hub", "own"])
@pytest.mark.parametrize("offline", ["0", "1"])
def test_what_is_cached_is_loaded_without_asking(monkeypatch, alone, tmp_path, place, offline):
    monkeypatch.setenv("VIT_ANATOMY_OFFLINE", offline)
    monkeypatch.setenv("VIT_ANATOMY_CACHE", str(tmp_path / "own"))
    model = cached(tmp_path / place)
    loaded = load_model("vit_tiny_patch16_224")
    torch.testing.assert_close(loaded.state_dict(), model.state_dict())
    assert alone == [] and own_cache(NAME) == (None if place == "hub" else str(tmp_path / "own"))


def test_a_hub_that_does_not_answer_is_told_in_seconds(alone):
    started = time.monotonic()
    with pytest.raises(OSError, match=r"huggingface\.co does not answer: .*not known"):
        load_model("vit_tiny_patch16_224")
    assert time.monotonic() - started < 10 and len(alone) <= 2


def test_the_network_is_allowed_again_after_the_block():
    with pytest.raises(KeyError), no_network():
        assert constants.HF_HUB_OFFLINE
        raise KeyError
    assert not constants.HF_HUB_OFFLINE
    with no_network(when=False):
        assert not constants.HF_HUB_OFFLINE


def small(monkeypatch, tmp_path, family):
    """A small stand-in for published weights that timm hosts too, and its model."""
    model = vit(num_classes=5)
    name = f"vit_tiny_patch16_224.{family}"
    options = {**SIZES, "num_classes": 5}
    published(monkeypatch, tmp_path / "cache", name, family, None, timm_hosted=True, options=options)
    monkeypatch.delenv("VIT_ANATOMY_OFFLINE")
    return name, model


@pytest.mark.parametrize("family", ["timm", "supervised"])
def test_a_mirror_comes_before_the_hub(monkeypatch, alone, tmp_path, family):
    name, model = small(monkeypatch, tmp_path, family)
    (tmp_path / "mirror").mkdir()
    saved({"model": model.state_dict()}, tmp_path / "mirror" / "file.pth")
    monkeypatch.setenv("VIT_ANATOMY_MIRROR", str(tmp_path / "mirror"))
    torch.testing.assert_close(load_model(name).state_dict(), model.state_dict())
    assert alone == [] and (tmp_path / "cache" / "file.pth").is_file()


def test_download_takes_what_timm_hosts_from_a_mirror(monkeypatch, tmp_path, capsys):
    monkeypatch.undo()
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("VIT_ANATOMY_CACHE", str(tmp_path))
    content = b"weights"
    monkeypatch.setattr("models.weights.download.flaw", lambda path, weights: None)
    with serve() as server:
        monkeypatch.setenv("VIT_ANATOMY_MIRROR", server.address)
        server.pages[f"/{entry('dino').filename}"] = Page(content)
        assert main(["download", "dino", "--quiet"]) == 0
    assert capsys.readouterr().out.strip().endswith(str(tmp_path / entry("dino").filename))
    assert (tmp_path / entry("dino").filename).read_bytes() == content


def test_a_mirror_without_the_file_leaves_it_to_the_hub(monkeypatch, alone, tmp_path):
    name = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    model = cached(tmp_path / "hub")
    published(monkeypatch, tmp_path / "cache", name, "timm", None, timm_hosted=True, options={})
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("VIT_ANATOMY_MIRROR", str(tmp_path / "mirror"))
    torch.testing.assert_close(load_model(name).state_dict(), model.state_dict())
    assert alone == []
