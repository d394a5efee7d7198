"""What a run costs: peak memory of few and of many images, and its speed beside the plain forward.

    python -m benchmarks.experiments [--experiment attention-distance] [--images 200 2000] [--model mini-moco]
        [--rounds 3]

Each run of `python -m experiments run` is a process of its own on generated images; its peak is the
most memory that the system ever gave it, from start to figure. `ratio` is the peak of many images over that of few: 1
where memory does not grow. `speed` is the images per second of measuring over those of the plain forward, both with the
same loader, which reads in the process itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks._timing import fastest, report
from models import image_transform, load_model
from study.batches import batches
from study.data import open_images
from study.record import read_manifest

SIDE = 64  # pixels of a generated image
BATCH = 32
ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiment", default="attention-distance", help="one that goes through all images")
    parser.add_argument("--images", type=int, nargs=2, default=[200, 2000], metavar=("FEW", "MANY"))
    parser.add_argument("--model", default="mini-moco")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    few, many = arguments.images
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _generate(folder / "images", many)
        runs = {count: _run(folder, count, arguments.experiment, arguments.model) for count in (few, many)}
        plain = _plain_speed(folder / "images", few, arguments.model, arguments.rounds)
    peaks = {count: peak for count, (peak, _) in runs.items()}
    speeds = runs[many][1]
    report(
        f"{arguments.experiment} of {arguments.model}, images of {SIDE} px, batches of {BATCH}, one thread",
        {
            **{f"run of {count} images": {"peak MiB": peak} for count, peak in peaks.items()},
            f"measuring, {many} images": {"images/s": speeds["whole"]},
            "  model and metrics alone": {"images/s": speeds["model"]},
            "  loader alone": {"images/s": speeds["loader"]},
            f"plain forward, {few} images": {"images/s": plain},
        },
        {
            "benchmark": "experiments",
            "experiment": arguments.experiment,
            "images": [few, many],
            "peak_mib": [peaks[few], peaks[many]],
            "ratio": peaks[many] / peaks[few],
            "images_per_second": speeds,
            "plain_images_per_second": plain,
            "speed": speeds["whole"] / plain,
        },
    )


def _generate(folder: Path, count: int) -> None:
    """Images of noise."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        pixels = random.integers(0, 256, size=(SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:06}.png", compress_level=1)


def _run(folder: Path, count: int, experiment: str, model: str) -> tuple[float, dict[str, float]]:
    """Peak memory of a run in MiB, and its images per second."""
    out = folder / f"run-{count}"
    options = ["--data", folder / "images", "--images", count, "--models", model, "--batch-size", BATCH, "--out", out]
    command = [sys.executable, "-m", "experiments", "run", experiment, *map(str, options)]
    command += ["--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        if process.returncode:
            raise RuntimeError(
                f"the run of {count} images ended with status {process.returncode}: {log.read()[-2000:]}"
            )
    scale = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return usage.ru_maxrss * scale / 2**20, read_manifest(out / "manifest.json")["facts"]["images_per_second"][model]


def _plain_speed(folder: Path, count: int, name: str, rounds: int) -> float:
    """Images per second of loader and forward alone."""
    model = load_model(name)
    images = open_images(folder, limit=count)
    loader = batches(images, image_transform(model), batch_size=BATCH)

    @torch.inference_mode()
    def forward() -> None:
        for batch, _ in loader:
            model(batch)

    return count / fastest({"plain": forward}, rounds)["plain"]


if __name__ == "__main__":
    main()
