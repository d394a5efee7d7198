"""`finetune` from files to table."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from models import load_model
from pretraining.recipe import parsed
from pretraining.training.checkpoint import CHECKPOINT, stored
from probing.__main__ import main
from probing.table import read_results
from study.provenance import weights_hash
from tests.models._tiny import saved, vit

ROOT = Path(__file__).parents[3]
QUICK = [
    *("TRAIN.BATCH", "16", "TRAIN.PRECISION", "float32", "DATA.WORKERS", "0", "WATCH.IMAGES", "4"),
    *("SCHEDULE.EPOCHS", "3", "SCHEDULE.WARMUP_EPOCHS", "1"),
]
COLOURS = {"blue": (0, 0, 1), "green": (0, 1, 0), "red": (1, 0, 0)}


def pictures(root, split, count, classes=COLOURS):
    """Noise in one colour for each class."""
    random = np.random.default_rng(len(split))
    for name in classes:
        (root / split / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (8, 8, 1)) * np.array(COLOURS[name]) + random.integers(0, 60, (8, 8, 3))
            picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((32, 32))
            picture.save(root / split / name / f"{number:02}.png")
    return root


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Training images of three classes, test images of two of them."""
    root = pictures(tmp_path_factory.mktemp("colours"), "train", 16)
    return pictures(root, "test", 10, ("green", "red"))


def typed(images, out, *opts, model="mini-random", options=()):
    heads = ["--num-heads", "3"] if Path(model).is_file() else []
    place = ["--model", model, *heads, "--data", str(images), "--out", str(out), "--device", "cpu", *options]
    return ["finetune", *place, "--opts", *QUICK, *map(str, opts)]


def test_from_images_to_table(images, tmp_path, capsys):
    arguments = typed(images, tmp_path, "OPTIM.LR", 0.02, "VIEWS.FINETUNE.SCALE", "[0.6,1.0]")
    assert main(arguments) == 0
    table = read_results(tmp_path)
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["model"], row["layer"], row["pooling"], row["head"]) == ("mini-random", 8, "patches", "finetune")
    assert (row["metric"], row["images"]) == ("accuracy", 20)
    assert row["value"] > 0.6 and row["low"] <= row["value"] <= row["high"]  # a third by chance
    assert row["recipe"].startswith("mini_finetune, ") and "OPTIM.LR=0.02" in row["recipe"]
    assert "ENCODER" not in row["recipe"]
    assert f"{row['value']:.2%} of 20 test images right" in capsys.readouterr().out

    folder = tmp_path / "mini-random"
    model = load_model(folder / CHECKPOINT)  # its classes are those of the training images, sorted
    names = sorted((images / "test").rglob("*.png"))
    pixels = np.stack([np.asarray(Image.open(name), dtype=np.float32) for name in names]).transpose(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(model.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        answers = model((torch.from_numpy(pixels) - mean) / std).argmax(1)
    truth = torch.tensor([list(COLOURS).index(name.parent.name) for name in names])
    assert row["value"] == pytest.approx((answers == truth).double().mean().item(), abs=1e-12)

    manifest = json.loads((tmp_path / "probing.json").read_text())
    assert manifest["start"]["sha256"] == weights_hash(load_model("mini-random"))
    assert manifest["fine_tuned"]["parameters_sha256"] == weights_hash(model)
    assert manifest["classes"] == list(COLOURS) and manifest["images_seen"] == 3 * 48
    assert parsed(manifest["recipe"]).ENCODER.WEIGHTS == "mini-random"

    before = (folder / CHECKPOINT).stat().st_mtime_ns
    assert main(arguments) == 0  # which only tests again
    assert (folder / CHECKPOINT).stat().st_mtime_ns == before
    pd.testing.assert_frame_equal(read_results(tmp_path), table)


def error_of(capsys, arguments):
    assert main(arguments) == 1
    return capsys.readouterr().err


def test_refusals(images, tmp_path, capsys):
    one = pictures(tmp_path / "one", "train", 4, ("red",))
    pictures(tmp_path / "one", "test", 4, ("red",))
    assert "there is nothing to tell apart" in error_of(capsys, typed(one, tmp_path / "out"))
    two = pictures(tmp_path / "two", "train", 4, ("red", "blue"))
    pictures(tmp_path / "two", "test", 2)
    assert "has images of green, of which" in error_of(capsys, typed(two, tmp_path / "out"))
    flat = tmp_path / "flat"
    for split in ("train", "test"):
        (flat / split).mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(flat / split / "a.png")
    assert "has no labels" in error_of(capsys, typed(flat, tmp_path / "out"))
    wrong = error_of(capsys, typed(images, tmp_path / "out", options=("--recipe", "mini_mae")))
    assert "--recipe mini_mae is for mae; expected one for finetune" in wrong
    assert "no published model" in error_of(capsys, typed(images, tmp_path / "out", model="no-such-model"))
    assert not (tmp_path / "out" / "probing.csv").exists()


def test_other_options_in_the_same_folder_are_refused(images, tmp_path, capsys):
    assert main(typed(images, tmp_path, "SCHEDULE.EPOCHS", 1)) == 0
    name, *rest = typed(images, tmp_path, "SCHEDULE.EPOCHS", 1, "SEED", 1)
    assert "holds the results of another command" in error_of(capsys, [name, *rest])
    assert "another recipe: SEED: 0 -> 1" in error_of(capsys, [name, "--overwrite", *rest])


def started(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, start_new_session=True, **pipes
    )


def finished(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


RANDOM = ("FINETUNE.MIXUP", 0.8, "FINETUNE.CUTMIX", 1.0, "ENCODER.DROP_PATH", 0.1, "VIEWS.FINETUNE.ERASING", 0.25)


@pytest.fixture
def tiny(tmp_path):
    """A file of weights with which a step takes milliseconds."""
    return str(saved({"model": vit().state_dict()}, tmp_path / "tiny.pth"))


def test_killed_it_goes_on_to_the_same_weights_and_table(tiny, images, tmp_path):
    often = (*RANDOM, "SCHEDULE.EPOCHS", 20, "TRAIN.SAVE_EVERY", 0.3)
    killed = started("probing", *typed(images, tmp_path / "killed", *often, model=tiny))
    checkpoint = tmp_path / "killed" / "tiny.pth" / CHECKPOINT
    deadline = time.monotonic() + 120
    while not checkpoint.exists():
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert 0 < stored(checkpoint)[0]["vit_anatomy"]["images_seen"] < 20 * 48
    assert not (tmp_path / "killed" / "probing.csv").exists()
    for name in ("killed", "whole"):
        finished(started("probing", *typed(images, tmp_path / name, *often, model=tiny)))
    states = [stored(tmp_path / name / "tiny.pth" / CHECKPOINT)[0] for name in ("killed", "whole")]
    torch.testing.assert_close(states[0]["model"], states[1]["model"], rtol=0, atol=0)
    tables = [read_results(tmp_path / name) for name in ("killed", "whole")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_two_processes_train_and_test_as_one(tiny, images, tmp_path):
    torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "probing")
    finished(started("probing", *typed(images, tmp_path / "one", model=tiny)))
    finished(started(*torchrun, *typed(images, tmp_path / "two", model=tiny)))
    one, two = (pd.read_csv(tmp_path / name / "tiny.pth" / "log.csv")["loss"] for name in ("one", "two"))
    assert one.to_list() == pytest.approx(two.to_list(), rel=1e-4)
    one, two = (read_results(tmp_path / name) for name in ("one", "two"))
    assert one["images"].equals(two["images"])
    assert one["value"].to_list() == pytest.approx(two["value"].to_list(), abs=0.051)  # one image at the edge
