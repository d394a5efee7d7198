"""Measuring at scale: killed, resumed, over processes, in pieces, until it is precise, always the same numbers."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import ops
from experiments.__main__ import main
from experiments.measuring import together
from experiments.measuring.depth_metrics import highest_frequency, measured
from experiments.measuring.precision import looks
from experiments.settings import Settings
from models import load_model
from study.chunks import Plan
from study.comparison import comparison
from study.data import open_images
from study.long_table import LongTable
from study.measurement import values_of_images
from study.parts import Parts
from study.record import read_manifest, read_table
from study.token_change import spread_change

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
TABLE = "attention-distance.csv"
METRICS = {"distance": partial(ops.attention_distance, convention="exact"), "amplitude": highest_frequency}
PATIENCE = 240  # seconds, on a busy machine


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """150 images of 32 px: stripes of random width and colour, so that they differ."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number in range(150):
        stripes = (np.arange(32) // random.integers(1, 9)) % 2
        noise = random.integers(0, 80, size=(32, 32, 3))
        Image.fromarray((stripes[:, None, None] * 170 + noise).astype(np.uint8)).save(folder / f"{number:03}.png")
    return folder


def typed(pictures, out, *more, images=21):
    options = ["--data", str(pictures), "--images", str(images), "--batch-size", "4", "--out", str(out)]
    return ["run", "attention-distance", "--models", "mini-simmim", "mini-random", *options, *more]


@pytest.fixture(scope="module")
def unbroken(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken") / "run"
    assert main(typed(pictures, out)) == 0
    return out


def broken_after(monkeypatch, parts):
    """Writing works so many times, then the disk is full."""
    real, left = Parts.write, iter(range(parts))

    def write(self, place, arrays):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        real(self, place, arrays)

    monkeypatch.setattr(Parts, "write", write)


def test_the_table_is_that_of_one_pass(unbroken, pictures):
    loaded = {name: load_model(name) for name in ("mini-simmim", "mini-random")}
    metrics = {"attention_distance": ops.attention_distance}
    expected = comparison(loaded, open_images(pictures, limit=21), metrics, batch_size=4)
    order = ["model", "depth", "head", "image"]
    tables = [table.astype({"metric": str, "convention": str}) for table in (read_table(unbroken / TABLE), expected)]
    found, expected = (table.sort_values(order).reset_index(drop=True) for table in tables)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_exact=True)
    assert not (unbroken / "parts").exists()


def test_stopped_and_resumed_equals_unbroken_to_the_bit(unbroken, pictures, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        broken_after(patch, 8)  # in the second model
        assert main(typed(pictures, tmp_path / "run")) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["parts"]
    measure, chunks = together.measured_chunks, []
    monkeypatch.setattr(
        together, "measured_chunks", lambda *given, **more: chunks.extend(given[4]) or measure(*given, **more)
    )
    assert main(typed(pictures, tmp_path / "run")) == 0
    assert chunks == [2, 3, 4, 5]
    assert (tmp_path / "run" / TABLE).read_bytes() == (unbroken / TABLE).read_bytes()
    assert not (tmp_path / "run" / "parts").exists()


SLOW = """
import sys, time
from study.parts import Parts
real = Parts.write
Parts.write = lambda *given: (real(*given), time.sleep(0.5))
from experiments.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_killed_and_resumed_equals_unbroken_to_the_bit(unbroken, pictures, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SLOW, *typed(pictures, tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + PATIENCE
    while len(list(tmp_path.glob("parts/0*.npz"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "manifest.json").exists()
    assert main(typed(pictures, tmp_path)) == 0
    assert (tmp_path / TABLE).read_bytes() == (unbroken / TABLE).read_bytes()


def test_parts_of_another_run_are_refused(pictures, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        broken_after(patch, 2)
        main(typed(pictures, tmp_path))
    capsys.readouterr()
    assert main(typed(pictures, tmp_path, "--convention", "exact", images=20)) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'parts'} holds parts of an unfinished run that differs from this one: images " in said
    assert "(convention='park2023'), now ops.attention_distance.attention_distance(convention='exact')" in said
    assert "choose another folder with --out, or --overwrite" in said and "weights" not in said
    assert len(list(tmp_path.glob("parts/0*.npz"))) == 2
    assert main(typed(pictures, tmp_path, "--overwrite", images=3)) == 0
    assert read_table(tmp_path / TABLE)["image"].max() == 2


def test_a_damaged_part_is_told(pictures, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        broken_after(patch, 2)
        main(typed(pictures, tmp_path))
    (tmp_path / "parts" / "000-000001.npz").write_bytes(b"PK")
    assert main(typed(pictures, tmp_path)) == 1
    assert "000-000001.npz is damaged" in (said := capsys.readouterr().err) and "delete it" in said


def test_one_run_at_a_time(pictures, tmp_path, capsys):
    from study.parts import parts_folder

    with parts_folder(tmp_path):
        assert main(typed(pictures, tmp_path)) == 1
    assert "another process works in" in capsys.readouterr().err


def test_of_several_experiments_the_finished_are_kept(pictures, tmp_path, monkeypatch, capsys):
    both = typed(pictures, tmp_path, images=2)
    both.insert(2, "fourier")
    assert main(both) == 0
    (tmp_path / "fourier" / "manifest.json").unlink()
    before = (tmp_path / "attention-distance" / "manifest.json").stat().st_mtime_ns
    assert main(both) == 0
    assert "attention-distance: this command has finished it" in capsys.readouterr().out
    assert (tmp_path / "fourier" / "manifest.json").exists()
    assert (tmp_path / "attention-distance" / "manifest.json").stat().st_mtime_ns == before
    assert main(both) == 1


def test_two_processes_equal_one(unbroken, pictures, tmp_path):
    words = typed(pictures, tmp_path)
    words.insert(2, "attention-maps")  # by the first process alone
    words.insert(3, "fourier")
    done = subprocess.run([*TORCHRUN, "-m", "experiments", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, expected = read_table(tmp_path / "attention-distance" / TABLE), read_table(unbroken / TABLE)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-6)
    assert found.groupby(["model", "depth", "head"])["image"].nunique().eq(21).all()
    assert done.stdout.count("Images per second") == 2 and done.stdout.count("manifest.json") == 3
    assert read_table(tmp_path / "fourier" / "fourier.csv")["image"].nunique() == 21


FAILING = """
import os, sys
import study.measurement
real = study.measurement.measure
def measure(*given, **more):
    if os.environ["RANK"] == sys.argv[1]:
        raise ValueError("broken here")
    return real(*given, **more)
study.measurement.measure = measure
from experiments.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_failing_process_ends_all(pictures, tmp_path, rank):
    script = tmp_path / "script.py"
    script.write_text(FAILING)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*TORCHRUN, str(script), rank, *typed(pictures, tmp_path / "out", images=9)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)
    assert done.returncode != 0
    assert f"error: {'process 1: ' if rank == '1' else ''}broken here" in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_process_without_the_model_says_so_to_all(monkeypatch):
    asked, gathered = (
        iter([together.Task("mini-moco", "", "", values_of_images({}), Plan(1, 1), (0,), 0, "float32"), None]),
        [],
    )
    monkeypatch.setattr(together, "told", lambda value: next(asked))
    monkeypatch.setattr(together, "gathered", lambda values: gathered.extend(values) or values)
    with pytest.raises(ValueError, match="process 0 has not loaded mini-moco: give each process the same command"):
        together.help_measuring({}, None, CPU)
    assert len(gathered) == 1 and "has not loaded mini-moco" in gathered[0][1]  # else the first process waits for ever


def test_a_folder_makes_pieces_of_the_same_table(pictures, tmp_path):
    images, loaded = open_images(pictures, limit=9), {name: load_model(name) for name in ("mini-simmim", "mini-moco")}
    tables = []
    for out in (None, tmp_path):
        table, facts = measured(METRICS, loaded, images, Settings(batch_size=2, workers=2, out=out), CPU)
        assert set(facts["metrics"]) == set(METRICS) and facts["images"] == 9
        tables.append(table)
    assert isinstance(tables[1], LongTable) and len(list(tables[1])) == 10
    pd.testing.assert_frame_equal(tables[1].whole(), tables[0], check_exact=True)


def test_speeds_of_model_loader_and_whole(unbroken):
    for speed in read_manifest(unbroken / "manifest.json")["facts"]["images_per_second"].values():
        assert 1 / speed["whole"] > 0.98 * (1 / speed["model"] + 1 / speed["loader"])  # rounded; one reads, then runs


def test_metrics_across_images_need_one_batch(pictures):
    images, loaded = open_images(pictures, limit=3), {"mini-random": load_model("mini-random")}
    with pytest.raises(ValueError, match="with --batch-size 3 all of them are one batch"):
        measured({"change": spread_change}, loaded, images, Settings(batch_size=2), CPU)
    table, _ = measured({"change": spread_change}, loaded, images, Settings(batch_size=3), CPU)
    assert set(table["metric"]) == {"within", "between"}


@pytest.fixture(scope="module")
def everything(pictures):
    """(model, metric, depth) by image, of all 150 images, and the facts of a run that measured them."""
    images, loaded = open_images(pictures), {name: load_model(name) for name in ("mini-simmim", "mini-random")}
    table, _ = measured(METRICS, loaded, images, Settings(batch_size=16), CPU)
    wide = table.astype({"metric": str}).groupby(["model", "metric", "depth", "image"])["value"].mean().unstack("image")
    return loaded, images, wide


def shares(wide, numbers):
    """Half widths as shares of the largest |mean| of each metric, row by row."""
    halves, means = [], []
    for _, row in wide.iterrows():
        low, high = ops.bootstrap_interval(torch.tensor(row[np.sort(numbers)].to_numpy()))
        halves.append(float(high - low) / 2)
        means.append(abs(row[numbers].mean()))
    names = wide.index.get_level_values("metric")
    return [
        half / max(mean for mean, other in zip(means, names, strict=True) if other == name)
        for half, name in zip(halves, names, strict=True)
    ]


@pytest.mark.parametrize("looked", [0, 2])
def test_it_stops_where_all_intervals_are_narrow(everything, tmp_path, looked):
    loaded, images, wide = everything
    order = np.random.default_rng(0).permutation(150)
    sizes = [64, 80, 112, 128, 150]  # batches of 16: 64, 80, 100, 125, 150 or more
    widest = [max(shares(wide, order[:size])) for size in sizes[: looked + 1]]
    share = widest[-1] * 1.0001
    assert min([1.0, *widest[:-1]]) > share
    settings = Settings(batch_size=16, until_precise=share, out=tmp_path)
    table, facts = measured(METRICS, loaded, images, settings, CPU)
    for name in loaded:
        of_model = pd.concat(piece[piece["model"] == name] for piece in table)
        assert sorted(of_model["image"].unique()) == sorted(order[: sizes[looked]])
    assert facts["images"] == sizes[looked] and facts["until_precise"]["reached"]
    assert facts["until_precise"]["widest"]["share"] == pytest.approx(widest[-1])
    assert f"stopped after {sizes[looked]} of 150 images: every 95 % interval is within ±" in facts["notes"][0]


def test_never_precise_is_told_with_the_widest(pictures, tmp_path, capsys):
    assert main(typed(pictures, tmp_path, "--until-precise", "0.0001")) == 0
    facts = json.loads((tmp_path / "manifest.json").read_text())["facts"]
    assert facts["images"] == 21 and not facts["until_precise"]["reached"]
    said = capsys.readouterr().out
    assert "not every 95 % interval is within ± 0.01 % of its metric's scale after all 21 images; the widest: " in said
    assert "attention_distance of mini-" in said


def test_looks():
    assert looks(1000, lambda images: min(images, 1000)) == [64, 80, 100, 125, 157, 196, 245, 306, 382, 477, 597, *(
        746, 932, 1000)]  # fmt: skip
    assert looks(10, lambda images: 1) == [1]


@pytest.mark.parametrize(
    ("name", "share", "text"),
    [
        ("fourier", "0", "--until-precise 0: expected a share between 0 and 1, such as 0.01"),
        ("fourier", "1", "--until-precise 1: expected a share"),
        ("fourier", "-0.1", "--until-precise -0.1: expected a share"),
        ("fourier", "nan", "--until-precise nan: expected a share"),
        ("zoo", "0.1", "--until-precise is for means over images at each depth, as of attention-distance,"),
    ],
)
def test_bad_shares(name, share, text, tmp_path, capsys):
    options = ["--images", "1", "--models", "mini-random", "--out", str(tmp_path / "out")]
    assert main(["run", name, "--until-precise", share, *options]) == 1
    assert text in capsys.readouterr().err and not (tmp_path / "out").exists()
