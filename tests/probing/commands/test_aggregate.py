"""`aggregate` from files to table: which rows, whose numbers, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from probing.__main__ import main
from probing.aggregation.abmilp import AbMILPOptions
from probing.aggregation.training import train_abmilp
from probing.features.store import open_features
from probing.linear.training import Plan
from probing.presets import preset
from probing.table import read_results

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Noise of three colours, 20 training and 6 test images of each."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 6)):
        for name, colour in COLOURS.items():
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                noise = generator.normal(colour, 60, (32, 32, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(noise).save(root / split / name / f"{number:02d}.png")
    return root


def aggregate(images, out, *arguments):
    typed = ["aggregate", "--model", "mini-random", "--data", str(images), "--out", str(out), *arguments]
    return main([*typed, "--epochs", "6", "--probe-batch", "16", "--device", "cpu"])


def test_all_poolings_in_one_table(images, tmp_path, capsys):
    quirks = ["--quirks", "mean-of-weighted", "--oracle", "mini-simmim"]
    sgd = ["--preset", "mocov3", "--abmilp-preset", "mocov3", "--rates", "0.1", "1", "--norm", "none"]
    assert aggregate(images, tmp_path, *quirks, *sgd, "--abmilp-content", "all", "--shown", "2") == 0
    table = read_results(tmp_path)
    names = ["class_token", "patches", "both", "cp1", "cp2", "cp3", "cp4", "ca1", "ca2", "ca3", "ca4"]
    assert table["pooling"].tolist() == [*names, "lowest_entropy_head", "mean_head", "oracle", "tokens"]
    assert table["head"].tolist() == ["linear"] * 14 + ["abmilp"]
    assert set(table["layer"]) == {8} and set(table["images"]) == {18}
    recipes = table.set_index("pooling")["recipe"]
    assert recipes["ca2"].endswith("; quirks mean-of-weighted") and "quirks" not in recipes["cp2"]
    assert recipes["oracle"].endswith("; oracle mini-simmim; quirks mean-of-weighted")
    assert recipes["tokens"].startswith("mocov3-v1: sgd") and recipes["tokens"].endswith(
        "AbMILP content all, norm none"
    )
    assert "chosen on 6 held-out images" in recipes["tokens"]
    assert table.set_index("pooling").loc[["patches", "tokens"], "value"].min() > 0.9
    known = json.loads((tmp_path / "probing.json").read_text())
    assert list(known["oracle"]) == ["mini-simmim"]
    assert {path.name for path in tmp_path.glob("*.png")} == {"abmilp-mini-random.png", "poolings.png"}
    assert not list(tmp_path.glob("*.pt"))
    assert "abmilp" in capsys.readouterr().out
    _by_hand(tmp_path, table, sgd_plan=Plan(preset("mocov3"), (0.1, 1.0), epochs=6, batch=16))


def _by_hand(out, table, sgd_plan):
    """The number of AbMILP from the cached tokens."""
    train, test = (open_features(out / "features" / "mini-random" / split) for split in ("train", "test"))
    found = train_abmilp(
        train.tokens(8),
        torch.from_numpy(train.labels),
        test.tokens(8),
        plan=sgd_plan,
        classes=3,
        layout=train.layout,
        options=AbMILPOptions(content="all"),
        progress=False,
    )
    right = found.logits.argmax(1) == torch.from_numpy(test.labels)
    assert right.double().mean().item() == pytest.approx(table["value"].iloc[-1], abs=1e-12)
    tokens = torch.from_numpy(np.array(test.tokens(8)))
    patches = torch.from_numpy(np.array(test.pooled(8, "patches")))
    torch.testing.assert_close(tokens[:, 1:].mean(1), patches, rtol=1e-5, atol=1e-5)


def test_few_poolings_of_an_early_layer(images, tmp_path):
    assert aggregate(images, tmp_path, "--layer", "0", "--poolings", "patches", "cp2", "--preset", "lbfgs") == 0
    table = read_results(tmp_path)
    assert table["pooling"].tolist() == ["patches", "cp2"] and set(table["layer"]) == {0}
    assert [path.name for path in tmp_path.glob("*.png")] == ["poolings.png"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--poolings", "cls"], "--poolings cls: there are class_token"),
        (["--poolings", "oracle"], "--poolings oracle needs --oracle MODEL"),
        (["--layer", "9"], "layer 9: there are 0 (the embedding) to 8"),
        (["--layer", "0", "--poolings", "ca1"], "pooling ca1 at layer 0: the embedding has no attention"),
        (["--quirks", "epsilom"], "unknown quirk 'epsilom'; did you mean epsilon?"),
        (["--abmilp-preset", "lbfgs"], "--abmilp-preset lbfgs: AbMILP is trained in steps; choose beyond-cls"),
        (["--abmilp-activation", "gelu"], "activation='gelu' is not known; expected one of relu, tanh"),
        (["--shown", "-1"], "--shown -1: expected 0, for no figure"),
    ],
)
def test_errors_name_the_mistake(images, tmp_path, capsys, arguments, text):
    assert aggregate(images, tmp_path, *arguments) == 1
    assert text in capsys.readouterr().err
