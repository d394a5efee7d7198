"""The log as a table and as TensorBoard's curves."""

import sys

import pandas as pd
import pytest
import torch

from pretraining.watching import Log
from pretraining.watching.scalars import NoTensorBoard, Scalars

ROW = {"images": 100, "epoch": 0.5, "step": 10, "loss": 2.5, "lr": 1e-3}


@pytest.fixture
def no_tensorboard(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def test_without_tensorboard_the_table_goes_on(tmp_path, no_tensorboard):
    with pytest.warns(NoTensorBoard, match="pip install tensorboard"):
        log = Log(tmp_path / "run")
    log.add(ROW)
    log.add({**ROW, "images": 200})
    table = pd.read_csv(tmp_path / "run" / "log.csv")
    assert list(table) == ["images", "epoch", "step", "loss", "lr"]
    assert table["images"].tolist() == [100, 200]


def test_a_row_without_a_place_is_refused(tmp_path, no_tensorboard):
    with pytest.warns(NoTensorBoard):
        log = Log(tmp_path)
    with pytest.raises(ValueError, match="no epoch, step"):
        log.add({"images": 1, "loss": 2})


def test_tensorboard_shows_curves_and_pictures_over_images_seen(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    scalars = Scalars(tmp_path)
    log = Log(tmp_path, scalars=scalars)
    log.add(ROW)
    log.add({**ROW, "images": 300, "loss": 1.5})
    scalars.add_picture("reconstructions", torch.zeros(8, 8, 3, dtype=torch.uint8), 300)
    Log(tmp_path, position=100).add({**ROW, "images": 200, "loss": 2.0})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("training/loss")] == [(100, 2.5), (200, 2.0)]
    assert set(events.Tags()["scalars"]) == {"training/loss", "training/lr"}
    assert events.Tags()["images"] in ([], ["reconstructions"])  # the one at 300 was taken back
    assert "tensorboard" in sys.modules
