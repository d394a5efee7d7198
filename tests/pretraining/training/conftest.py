"""A training so small that a step takes milliseconds."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pretraining.recipe import load_recipe

ROOT = Path(__file__).parents[3]
SMALL = [
    *("ENCODER.EMBED_DIM", 32, "ENCODER.DEPTH", 2, "ENCODER.NUM_HEADS", 2, "ENCODER.IMG_SIZE", 16),
    *("MOCOV3.DIM", 16, "MOCOV3.HIDDEN", 32, "MAE.DECODER_DIM", 32, "MAE.DECODER_DEPTH", 1, "MAE.DECODER_HEADS", 2),
    *("TRAIN.BATCH", 8, "TRAIN.PRECISION", "float32", "DATA.WORKERS", 0, "WATCH.EVERY", 0, "WATCH.IMAGES", 4),
    *("WATCH.KNN_BANK", 16, "WATCH.KNN_QUERIES", 8, "SCHEDULE.EPOCHS", 4, "SCHEDULE.WARMUP_EPOCHS", 1),
]


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> Path:
    """Forty pictures of 20 px in two classes, and their folder."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / label).mkdir()
        for number in range(20):
            pixels = random.integers(0, 256, (5, 5, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((20, 20)).save(folder / label / f"{number:02}.png")
    return folder


@pytest.fixture
def small_recipe():
    """`small_recipe(method, *opts)`: the miniature recipe of a method, made smaller still."""

    def made(method: str, *opts: object):
        start = ("ENCODER.WEIGHTS", "none") if method == "finetune" else ()
        return load_recipe(f"mini_{method}", [str(item) for item in (*SMALL, *start, *opts)])

    return made


@pytest.fixture
def command():
    """`command(method, data, out, *opts)`: what a user would type for a small training."""

    def typed(method: str, data: Path, out: Path, *opts: object) -> list[str]:
        options = [str(item) for item in (*SMALL, *opts)]
        place = ["--data", str(data), "--out", str(out), "--device", "cpu"]
        return [sys.executable, "-m", "pretraining", method, *place, "--opts", *options]

    return typed


@pytest.fixture
def started(monkeypatch):
    """`started(command)`: a process of its own, with one thread, the leader of its group."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def process(arguments: list[str]) -> subprocess.Popen:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(arguments, cwd=ROOT, start_new_session=True, **pipes)

    return process
