"""Features on disk: complete, gone on with, refused, and the same from several processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from models import image_transform, load_model
from probing.data import labelled_images
from probing.features import extraction, store
from probing.features.extraction import Wanted, extracted
from probing.features.frozen import Cell, Frozen
from probing.features.store import open_features
from study.processes import Process
from tests.probing._images import folders

HERE = Process(0, 1, torch.device("cpu"))
CELLS = (Cell(0, "patches"), Cell(8, "class_token"))
WANTED = Wanted(CELLS)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return labelled_images(str(folders(tmp_path_factory.mktemp("images")) / "train"))


@pytest.fixture(scope="module")
def model():
    return load_model("mini-simmim")


def features(model, images, folder, wanted=WANTED, **options):
    return extracted(model, images, folder, wanted, here=HERE, batch_size=8, progress=False, **options)


def test_rows_are_the_images_in_order(model, images, tmp_path):
    said = []
    found = features(model, images, tmp_path, Wanted(CELLS, token_layers=(8,)), tell=said.append)
    assert len(said) == 1 and "MB for 3 arrays of 36 images" in said[0]
    pictures = torch.stack([image_transform(model)(images[index]) for index in range(len(images))])
    direct = Frozen(model, CELLS, token_layers=(8,))(pictures)
    for cell, values in direct.items():
        torch.testing.assert_close(torch.from_numpy(np.array(found.pooled(*cell))), values)
    assert found.labels.tolist() == list(images.labels) and found.classes == ("blue", "green", "red")
    assert found.layout.grid == (8, 8) and found.tokens(8).shape == (36, 65, 96)


def test_what_is_there_is_used_and_the_rest_is_added(model, images, tmp_path, monkeypatch):
    features(model, images, tmp_path)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}
    monkeypatch.setattr(extraction, "batches", None)  # a second pass would need it
    again = features(model, images, tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")} == times
    monkeypatch.undo()
    more = features(model, images, tmp_path, Wanted((*CELLS, Cell(3, "patches"))))
    assert set(more.cells) == {*again.cells, Cell(3, "patches")}
    assert times["00-patches.npy"] == (tmp_path / "00-patches.npy").stat().st_mtime_ns


def test_a_pass_that_broke_off_goes_on_with_the_same_result(model, images, tmp_path, monkeypatch):
    whole = features(model, images, tmp_path / "whole")
    real = Frozen.over

    def breaking(self, batches):
        for number, found in enumerate(real(self, batches)):
            if number == 3:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(extraction, "FLUSH_EVERY", 0.0)
    monkeypatch.setattr(Frozen, "over", breaking)
    with pytest.raises(KeyboardInterrupt):
        features(model, images, tmp_path / "broken")
    monkeypatch.undo()
    assert not open_features(tmp_path / "broken").cells
    assert np.load(tmp_path / "broken" / store.DONE).sum() == 3
    seen = []

    def counting(self, batches):
        for found in real(self, batches):
            seen.append(1)
            yield found

    monkeypatch.setattr(Frozen, "over", counting)
    other = extracted(
        model, images, tmp_path / "broken", Wanted(CELLS), here=HERE, batch_size=5, progress=False
    )  # the batches stay those of the first run
    assert len(seen) == 2
    for cell in CELLS:
        np.testing.assert_array_equal(other.pooled(*cell), whole.pooled(*cell))


def test_features_of_something_else_are_refused(model, images, tmp_path):
    features(model, images, tmp_path)
    with pytest.raises(ValueError, match=r"the last norm was chosen otherwise \(none; now final\).*--cache"):
        features(model, images, tmp_path, Wanted(CELLS, norm="final"))
    with pytest.raises(ValueError, match="the model has other weights"):
        features(load_model("mini-mae"), images, tmp_path)
    fewer = labelled_images(str(Path(images.where)), limit=30)
    with pytest.raises(ValueError, match=r"the images are others .*the images have other classes"):
        features(model, fewer, tmp_path)


def test_a_full_disk_is_told_before_the_pass(model, images, tmp_path, monkeypatch):
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 100})())
    with pytest.raises(OSError, match=r"needs 0.00 GB for the features of 36 images \(0.00 GB are free\): make room"):
        features(model, images, tmp_path)
    assert not list(tmp_path.glob("0*.npy"))
    monkeypatch.undo()
    monkeypatch.setattr(store.os, "posix_fallocate", _full)
    with pytest.raises(OSError, match=r"No space left.*make room"):
        features(model, images, tmp_path)
    assert not list(tmp_path.glob("0*.npy"))
    monkeypatch.undo()
    assert features(model, images, tmp_path).cells == CELLS


def _full(*_):
    raise OSError(28, "No space left on device")


def test_half_precision_leaves_the_model_as_it_was(model, images, tmp_path):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    half = features(model, images, tmp_path / "half", dtype="bfloat16")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    full = features(model, images, tmp_path / "full")
    difference = np.abs(half.pooled(8, "class_token") - full.pooled(8, "class_token")).max()
    assert 0 < difference < 0.1 * np.abs(full.pooled(8, "class_token")).max()


SCRIPT = """
import sys
from pathlib import Path
from models import load_model
from probing.data import labelled_images
from probing.features import extraction
from probing.features.frozen import Cell
from study.processes import process
extraction.FLUSH_EVERY = 0.0
with process("cpu") as here:
    extraction.extracted(
        load_model("mini-simmim"), labelled_images(sys.argv[1]), Path(sys.argv[2]),
        extraction.Wanted((Cell(0, "patches"), Cell(8, "class_token"))), here=here, batch_size=8, progress=False,
    )
"""


def run(arguments, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen([sys.executable, *arguments], env=environment, **options)


def test_two_processes_write_what_one_writes(model, images, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    assert run([*torchrun, str(script), images.where, str(tmp_path / "two")]).wait() == 0
    one, two = features(model, images, tmp_path / "one"), open_features(tmp_path / "two")
    assert two.cells == CELLS
    for cell in CELLS:
        np.testing.assert_array_equal(two.pooled(*cell), one.pooled(*cell))


def test_killed_and_started_again(model, images, tmp_path):
    script, folder = tmp_path / "script.py", tmp_path / "killed"
    slow = SCRIPT.replace("with process", "import time\nreal = extraction._Marks.write\nextraction._Marks.write = "
        "lambda marks: (real(marks), time.sleep(0.3))\nwith process")  # fmt: skip
    script.write_text(slow)
    process = run([str(script), images.where, str(folder)])
    done = folder / store.DONE
    while process.poll() is None and not (done.exists() and done.stat().st_size and np.load(done).any()):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert json.loads((folder / store.MANIFEST).read_text())["begun"]
    killed, whole = features(model, images, folder), features(model, images, tmp_path / "whole")
    for cell in CELLS:
        np.testing.assert_array_equal(killed.pooled(*cell), whole.pooled(*cell))
