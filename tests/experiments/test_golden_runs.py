"""The whole command line on official files: from checkpoint and image files to the official code's numbers.

The official inputs are 8-bit images after normalisation, so that image files hold them without loss. The models' own
preprocessing enlarges an image before it crops the centre; each image therefore gets a margin, with which its shorter
side has the size that the preprocessing asks for: nothing is resized, and the crop is the official input again.
"""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from experiments import running
from experiments.__main__ import main
from models import image_transform, load_model
from study.data import open_images
from study.record import read_table
from tests.models._tiny import expected as golden_of

RUN = ("attention-maps", "attention-distance", "attention-nmi", "similarity", "fourier", "cls-statistics")
TOLERANCE = {"attention_nmi": 2e-5}  # the official code computes it in float32
EXACT = 1e-5


def assert_close(ours, theirs, metric=""):
    """Relative to max(1, |x|), as the official values are compared everywhere here."""
    theirs = np.asarray(theirs, dtype=np.float64)
    assert np.shape(ours) == theirs.shape
    error = np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1))
    assert error < TOLERANCE.get(metric, EXACT), f"{metric}: off by {error:.2g}"


def shares(attention, epsilon):
    """Patches to patches (image head query key), rows renormalised after epsilon was added."""
    weights = attention.astype(np.float64)[..., 1:, 1:] + epsilon
    return weights / weights.sum(-1, keepdims=True)


def distance(attention, patch_size):
    side = math.isqrt(attention.shape[-1] - 1)
    places = np.stack(np.divmod(np.arange(side * side), side), axis=-1) * patch_size
    apart = np.sqrt(((places[:, None] - places) ** 2).sum(-1))
    return (shares(attention, 1e-32) * apart).sum(-1).mean(-1)


def nmi(attention):
    weights = shares(attention, 1e-8)
    count = weights.shape[-1]
    keys = weights.mean(-2)
    information = (weights * np.log(weights / keys[..., None, :])).sum((-1, -2)) / count
    return information / np.sqrt(np.log(count) * -(keys * np.log(keys)).sum(-1))


def delta_log_amplitude(tokens):
    """Of patch tokens (image patch channel): the last bin of the diagonal that the notebook keeps, minus DC."""
    side = math.isqrt(tokens.shape[1])
    squares = tokens.astype(np.float64).reshape(len(tokens), side, side, -1)
    spectrum = np.log(np.abs(np.fft.fft2(squares, axes=(1, 2))) + 1e-6).mean(-1)
    last = -(-side // 2) - 1
    return spectrum[:, last, last] - spectrum[:, 0, 0]


def cosine_of_heads(outputs):
    """Of (image head patch channel): mean over patches and pairs of heads."""
    unit = outputs / np.linalg.norm(outputs, axis=-1, keepdims=True)
    first, second = np.triu_indices(outputs.shape[1], k=1)
    return (unit[:, first] * unit[:, second]).sum(-1).mean((1, 2))


def cosine_of_steps(before, after):
    norms = np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
    return ((before * after).sum(-1) / norms).mean(-1)


@pytest.mark.parametrize("case", ["g6_t0.3", "g7_t1", "g14_t1", "g6_clssink"])
def test_the_references_here_are_the_official_functions(golden, case):
    ops = np.load(golden / "ops.npz")
    assert_close(distance(ops[f"attn/{case}"], 16), ops[f"distance/{case}"])
    assert_close(nmi(ops[f"attn/{case}"]), ops[f"nmi/{case}"], "attention_nmi")
    grid = case.partition("_")[0]
    latents, curves = ops[f"latents/{grid}"], ops[f"fourier_per_image/{grid}"]
    for tokens, curve in zip(latents, curves, strict=True):
        assert_close(delta_log_amplitude(tokens[:, 1:]), curve[:, -1])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs that were made already, by checkpoint."""
    return {}, tmp_path_factory


@pytest.fixture
def run(golden_checkpoint, runs, monkeypatch):
    """(official arrays, their meta, folder of the results) after one run from files to tables."""
    done, factory = runs
    if golden_checkpoint not in done:
        monkeypatch.setattr(running, "draw_folder", lambda folder: [])  # the figures have tests of their own
        done[golden_checkpoint] = from_files_to_tables(golden_checkpoint, factory.mktemp(golden_checkpoint.name))
    return done[golden_checkpoint]


def from_files_to_tables(checkpoint, folder):
    arrays, meta, path = golden_of(checkpoint)
    heads = arrays["attn"].shape[2]
    model = load_model(str(path), num_heads=heads)
    written(arrays["x"], meta, model.pretrained_cfg["crop_pct"], folder / "images")
    seen = torch.stack([image_transform(model)(image) for image in open_images(folder / "images")])
    assert_close(seen.numpy(), arrays["x"])
    typed = ["--models", str(path), "--num-heads", str(heads), "--data", str(folder / "images")]
    depths = ["--depths", *map(str, range(1, len(arrays["attn"]) + 1))]
    assert main(["run", *RUN, *typed, *depths, "--out", str(folder / "out")]) == 0
    return arrays, meta, folder / "out"


def written(inputs, meta, crop, folder):
    """The official inputs as image files, with the margin that the preprocessing cuts off."""
    folder.mkdir()
    mean, std = (np.array(meta[name])[:, None, None] for name in ("mean", "std"))
    side = math.floor(inputs.shape[-1] / crop)
    for number, image in enumerate(inputs.astype(np.float64) * std + mean):
        pixels = np.round(image * 255)
        assert np.abs(image * 255 - pixels).max() < 1e-3  # really 8 bit
        low = round((side - inputs.shape[-1]) / 2.0)
        canvas = Image.new("RGB", (side, side), (255, 0, 255))
        canvas.paste(Image.fromarray(pixels.astype(np.uint8).transpose(1, 2, 0)), (low, low))
        canvas.save(folder / f"{number}.png")


def values(folder, name, metric):
    """(depth image head) of a metric in an experiment's table."""
    table = read_table(folder / name / f"{name}.csv")
    rows = table[table["metric"] == metric].sort_values(["depth", "image", "head"])
    shape = rows["depth"].nunique(), rows["image"].nunique(), -1
    return rows["value"].to_numpy().reshape(shape)


def test_golden_numbers(run):
    arrays, meta, folder = run
    attention, stream, outputs = arrays["attn"], arrays["zs"], arrays["attn_ft"][..., 1:, :].astype(np.float64)
    patches = stream[:, :, 1:].astype(np.float64)
    steps = [cosine_of_steps(patches[layer], patches[layer + 1]) for layer in range(0, len(patches) - 1, 2)]
    expected = {
        ("attention-distance", "attention_distance"): [distance(one, meta["patch_size"]) for one in attention],
        ("attention-nmi", "attention_nmi"): [nmi(one) for one in attention],
        ("fourier", "delta_log_amplitude"): [delta_log_amplitude(tokens)[:, None] for tokens in patches[::2]],
        ("similarity", "heads"): [cosine_of_heads(one)[:, None] for one in outputs],
        ("similarity", "depths"): [one[:, None] for one in steps],
    }
    for (name, metric), official in expected.items():
        assert_close(values(folder, name, metric), np.stack(official), metric)


def test_golden_maps(run):
    """Of the first image, mean over heads: the class token's and those of the patches in the centre and the corner."""
    arrays, _, folder = run
    table = read_table(folder / "attention-maps" / "attention-maps.csv", columns=())
    side = math.isqrt(arrays["attn"].shape[-1] - 1)
    for (depth, row, col), rows in table.groupby(["depth", "query_row", "query_col"]):
        weights = arrays["attn"][depth - 1, 0, :, 0 if row < 0 else 1 + row * side + col, 1:].astype(np.float64)
        official = (weights / weights.sum(-1, keepdims=True)).mean(0)
        assert_close(rows.sort_values(["row", "col"])["value"].to_numpy(), official)


def test_golden_statistics_of_the_class_token(run, golden, golden_checkpoint):
    """The official means over images and heads, where the official code was run on this checkpoint."""
    official = np.load(golden / "beyond_cls" / "attention_stats.npz")
    start = f"{golden_checkpoint.name}/summary/"
    found = [name for name in official.files if name.startswith(start)]
    if not found:
        pytest.skip("the official statistics are of other checkpoints")
    for name in found:
        ours = values(run[2], "cls-statistics", name.removeprefix(start)).mean((1, 2))
        assert_close(ours, official[name], name)
