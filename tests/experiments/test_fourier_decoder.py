"""Fourier through MAE's encoder and decoder, against forward passes written out here and the official decoder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

import models
import ops
from experiments.__main__ import main
from experiments.applicable import NotApplicable
from experiments.fourier_decoder import draw, measure
from experiments.masked.autoencoder import MaskedAutoencoder, masked_autoencoder
from experiments.settings import Settings
from models import image_transform, load_decoder, load_model
from study import chunked
from study.data import open_images
from study.record import COLUMNS, read_table
from study.summary import summary
from tests.models._tiny import expected

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
INPUTS = ("all", "masked")
IMAGES = 3


@pytest.fixture(scope="module")
def images():
    return open_images("sample", limit=IMAGES)


@pytest.fixture(scope="module")
def encoder():
    return models.load_model("mini-mae")


@pytest.fixture(scope="module")
def found(encoder, images):
    return {
        given: measure({"mini-mae": encoder}, images, Settings(decoder_input=given, batch_size=2, seed=5), CPU)
        for given in INPUTS
    }


def amplitude(patches):
    """Delta log amplitude on 8 x 8 patches with numpy's FFT: bin (3, 3) less bin (0, 0)."""
    spectrum = np.fft.fft2(patches.double().numpy().reshape(8, 8, -1), axes=(0, 1))
    logs = np.log(np.abs(spectrum) + 1e-6).mean(axis=-1)
    return logs[3, 3] - logs[0, 0]


@torch.no_grad()
def by_hand(encoder, image, given, number):
    """Values over depth of the decoder for one image: its input, then each block."""
    decoder = load_decoder("mini-mae")
    x = encoder.patch_embed(image[None]) + encoder.pos_embed[:, 1:]
    order = torch.arange(64)
    if given == "masked":
        noise = np.random.default_rng((5, number)).random(64, dtype=np.float32)
        order = torch.from_numpy(noise).argsort()[:16]
    tokens = torch.cat([encoder.cls_token + encoder.pos_embed[:, :1], x[:, order]], dim=1)
    for block in encoder.blocks:
        tokens = block(tokens)
    embedded = decoder.embed(encoder.norm(tokens))
    patches = decoder.mask_token.expand(1, 64, -1).clone()
    patches[:, order] = embedded[:, 1:]
    tokens = torch.cat([embedded[:, :1], patches], dim=1) + decoder.pos_embed
    values = [amplitude(tokens[0, 1:])]
    for block in decoder.blocks:
        tokens = block(tokens)
        values.append(amplitude(tokens[0, 1:]))
    return values


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("number", [0, 2])
def test_decoder_against_a_forward_pass_written_out(found, encoder, images, given, number):
    table = found[given].tables["fourier-decoder"]
    rows = table[(table["metric"] == "decoder_delta_log_amplitude") & (table["image"] == number)].sort_values("depth")
    assert list(rows["depth"]) == [8, 9, 10]
    hand = by_hand(encoder, image_transform(encoder)(images[number]), given, number)
    np.testing.assert_allclose(rows["value"], hand, atol=1e-4)  # float32


def test_encoder_is_of_whole_images_in_both(found):
    whole, masked = (found[given].tables["fourier-decoder"] for given in INPUTS)
    first, other = (table[table["metric"] == "delta_log_amplitude"] for table in (whole, masked))
    np.testing.assert_allclose(first["value"], other["value"], atol=1e-5)
    assert sorted(set(first["depth"])) == list(range(9)) and set(whole.columns) == set(COLUMNS)


@torch.no_grad()
def test_the_official_decoder(golden):
    """The golden file's own noise in place of the seed's: latent and prediction as the official code gives them."""
    arrays, meta, path = expected(golden / "checkpoints" / "mae_visualize")
    encoder = load_model(path, num_heads=meta["num_heads"])
    network = MaskedAutoencoder(encoder, load_decoder(path, num_heads=meta["decoder"]["heads"]))
    order = torch.as_tensor(arrays["noise"]).argsort(dim=1)
    network._order = lambda image, seed: order[image]
    images = torch.as_tensor(arrays["x"])
    latent, restore = network.latent(images, range(len(images)), 0)
    torch.testing.assert_close(latent, torch.as_tensor(arrays["masked_latent"]), rtol=1e-5, atol=1e-5)
    assert restore.equal(torch.as_tensor(arrays["ids_restore"]).long())
    prediction = network.decoder(latent, restore)
    torch.testing.assert_close(prediction, torch.as_tensor(arrays["pred"]), rtol=1e-5, atol=1e-5)
    hidden = torch.stack([network.hidden(image, 0) for image in range(len(images))])
    assert hidden.equal(torch.as_tensor(arrays["mask"]).bool())


def test_official_files_by_command(golden, tmp_path, monkeypatch):
    """The encoder's curve of an official file, through the whole command line, against the official stream."""
    arrays, meta, path = expected(golden / "checkpoints" / "mae_visualize")
    for number, image in enumerate(arrays["x"]):
        pixels = image * np.array(meta["std"])[:, None, None] + np.array(meta["mean"])[:, None, None]
        Image.fromarray((pixels * 255).round().astype(np.uint8).transpose(1, 2, 0)).save(tmp_path / f"{number}.png")
    whole = transforms.Compose([transforms.ToTensor(), transforms.Normalize(meta["mean"], meta["std"])])
    monkeypatch.setattr(chunked, "image_transform", lambda model: whole)  # neither resize nor crop
    command = ["run", "fourier-decoder", "--models", str(path), "--num-heads", str(meta["num_heads"])]
    assert main([*command, "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    table = read_table(tmp_path / "out" / "fourier-decoder.csv")
    rows = table[table["metric"] == "delta_log_amplitude"].sort_values(["depth", "image"])
    stream = torch.as_tensor(arrays["zs"])[::2, :, 1:]  # embedding, then block outputs
    curve = ops.relative_log_amplitude(stream, grid=tuple(meta["grid"]))[..., -1]
    np.testing.assert_allclose(rows["value"], curve.flatten(), atol=1e-5)
    assert set(table["depth"]) == set(range(3 + 2 + 1))


def test_masks_are_of_seed_and_image(encoder):
    network = masked_autoencoder("mini-mae", encoder)
    masks = [network.hidden(image, seed) for image, seed in ((0, 0), (0, 0), (1, 0), (0, 1))]
    assert masks[0].equal(masks[1]) and not masks[0].equal(masks[2]) and not masks[0].equal(masks[3])
    assert {int(mask.sum()) for mask in masks} == {48}


def test_batches_do_not_matter(found, encoder, images):
    again = measure({"mini-mae": encoder}, images, Settings(decoder_input="masked", batch_size=3, seed=5), CPU)
    order = ["metric", "depth", "image"]
    first, other = (one.tables["fourier-decoder"].sort_values(order)["value"] for one in (again, found["masked"]))
    np.testing.assert_allclose(first, other, atol=1e-4)


def test_models_without_decoder(encoder, images):
    simmim = models.load_model("mini-simmim")
    with pytest.raises(NotApplicable, match=r"needs MAE's decoder, which none of these.*name mini-mae, mae"):
        measure({"mini-simmim": simmim}, images, Settings(), CPU)
    both = measure({"mini-simmim": simmim, "mini-mae": encoder}, images, Settings(), CPU)
    assert set(both.tables["fourier-decoder"]["model"]) == {"mini-mae"} and list(both.facts["layouts"]) == ["mini-mae"]
    assert any("mini-simmim is left out: name='mini-simmim' has no decoder" in note for note in both.facts["notes"])
    assert any("--decoder-input all" in note for note in both.facts["notes"])


def test_a_decoder_of_another_encoder_is_told():
    with pytest.raises(ValueError, match="the decoder is for 64 patches of 96 channels, the encoder has 16 of 96"):
        masked_autoencoder("mini-mae", models.load_model("mini-mae", img_size=16))


def test_figure(found):
    findings = found["masked"]
    means = summary(findings.tables["fourier-decoder"])
    figure = draw(findings, means)
    left, right = (ax for ax in figure.get_axes() if ax.lines)
    of_decoder = means[means["metric"] == "decoder_delta_log_amplitude"]["mean"].to_numpy()
    np.testing.assert_allclose(right.lines[1].get_ydata(), of_decoder)
    assert (
        list(right.lines[0].get_xdata()) == [7.5, 8] and right.lines[0].get_ydata()[0] == left.lines[0].get_ydata()[-1]
    )
    assert "mask tokens for 75 %" in figure._supxlabel.get_text()
    known = {"positions": [12, 13], "values": [-3.45, -3.21], "label": "MAE's decoder, paper", "tolerance": 0.02}
    findings.facts["published"] = {"amplitude_decoder": {"mini-mae": known}}
    again = draw(findings, means)
    labels = [text.get_text() for text in again.findobj(lambda artist: hasattr(artist, "get_text"))]
    del findings.facts["published"]
    assert "MAE's decoder, paper" in labels


def test_heads_of_the_encoder_are_not_those_of_a_decoder_whose_file_tells_them(encoder):
    file = Path(models.__file__).parent / "mini" / "mae.safetensors"
    known = load_decoder(file).blocks[0].attn.num_heads
    network = masked_autoencoder(str(file), encoder, num_heads=2 * known)
    assert network.decoder.blocks[0].attn.num_heads == known


def test_as_many_patches_are_masked_as_in_the_training(encoder, tmp_path):
    packaged = Path(models.__file__).parent / "mini"
    for name in ("mae.safetensors", "mae.json", "mae_decoder.safetensors", "mae_decoder.json"):
        text = (packaged / name).read_bytes()
        (tmp_path / name).write_bytes(text.replace(b'"ratio": 0.75', b'"ratio": 0.5'))
    network = masked_autoencoder(str(tmp_path / "mae.safetensors"), encoder)
    assert network.hidden(0, seed=0).sum() == 32  # of 64
