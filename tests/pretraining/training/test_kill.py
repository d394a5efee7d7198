"""SIGKILL at random moments, SIGTERM, and two processes: the command as a user types it."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from pretraining.training.checkpoint import CHECKPOINT, stored
from tests.pretraining.training._weights import weights

KILLS = 10
OFTEN = ("SCHEDULE.EPOCHS", 100, "TRAIN.SAVE_EVERY", 0.2)  # 500 steps, a checkpoint after each


def finished(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def wait_for(condition, process, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_at_ten_random_moments(photographs, command, started, tmp_path):
    typed = command("mocov3", photographs, tmp_path / "killed", *OFTEN)
    moments = random.Random(0)
    for _ in range(KILLS):
        process = started(typed)
        checkpoint = tmp_path / "killed" / CHECKPOINT
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
        wait_for(lambda: checkpoint.exists() and checkpoint.stat().st_mtime_ns != before, process)  # noqa: B023
        time.sleep(moments.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert 0 < stored(checkpoint)[0]["vit_anatomy"]["images_seen"] < 100 * 40
    finished(started(typed))
    finished(started(command("mocov3", photographs, tmp_path / "whole", *OFTEN)))
    torch.testing.assert_close(weights(tmp_path / "killed"), weights(tmp_path / "whole"), rtol=0, atol=0)
    logs = [pd.read_csv(tmp_path / name / "log.csv").drop(columns="images_per_second") for name in ("killed", "whole")]
    pd.testing.assert_frame_equal(*logs, check_exact=True)


def test_sigterm_to_all_its_processes_saves_and_exits(photographs, command, started, tmp_path):
    opts = ("SCHEDULE.EPOCHS", 2000, "TRAIN.SAVE_EVERY", 10_000, "DATA.WORKERS", 1)
    process = started(command("simmim", photographs, tmp_path / "run", *opts))
    wait_for(lambda: (tmp_path / "run" / "log.csv").exists(), process)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "the same command goes on" in out
    assert 0 < stored(tmp_path / "run" / CHECKPOINT)[0]["vit_anatomy"]["images_seen"] < 2000 * 40


@pytest.mark.parametrize("method", ["mocov3", "hybrid"])
def test_two_processes_train_as_one(method, photographs, command, started, tmp_path):
    opts = ("SCHEDULE.EPOCHS", 2)
    finished(started(command(method, photographs, tmp_path / "one", *opts)))
    typed = command(method, photographs, tmp_path / "two", *opts)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    finished(started([*torchrun, *typed[1:]]))
    one, two = (pd.read_csv(tmp_path / name / "log.csv")["loss"] for name in ("one", "two"))
    assert one.to_list() == pytest.approx(two.to_list(), rel=1e-4)


def test_errors_are_one_line(photographs, command, started, tmp_path):
    process = started(command("hybrid", photographs, tmp_path, "HYBRID.LAMBDA", 1.5))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and out == ""
    assert err.startswith("error: ") and "LAMBDA" in err and err.count("\n") == 1


def test_help_needs_no_torch():
    code = """if True:
        import sys, pretraining.__main__ as command
        try:
            command.main(["--help"])
        except SystemExit:
            print("torch" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("False")
