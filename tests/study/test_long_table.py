"""Tables in pieces: the same files and means as tables in memory, wherever they are cut."""

import os

import numpy as np
import pandas as pd
import pytest

from experiments import drawing
from experiments.measuring.differences import paired_differences
from study import record
from study.long_table import LongTable, joined
from study.per_image import per_image
from study.record import COLUMNS, open_table, read_table, write_table
from study.summary import summary


@pytest.fixture(scope="module")
def table():
    """Two models, two metrics with one and three heads, seven images."""
    random, rows = np.random.default_rng(0), []
    for model in ("a", "b"):
        for metric, heads in (("nmi", (0, 1, 2)), ("tokens", (-1,))):
            rows += [
                (model, depth, head, image, metric, -1, "exact", random.normal())
                for depth in (1, 2)
                for image in range(7)
                for head in heads
            ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def cut(table, length):
    return LongTable(lambda: (table.iloc[at : at + length] for at in range(0, len(table), length)), COLUMNS)


@pytest.mark.parametrize("length", [1, 5, 1000])
def test_pieces_are_the_whole(table, tmp_path, length):
    long = cut(table, length)
    pd.testing.assert_frame_equal(long.whole(), table)
    assert write_table(long, tmp_path / "a.csv").read_bytes() == write_table(table, tmp_path / "b.csv").read_bytes()
    pd.testing.assert_frame_equal(summary(long), summary(table), rtol=1e-13)
    pd.testing.assert_frame_equal(paired_differences(long), paired_differences(table), rtol=1e-12)
    pd.testing.assert_frame_equal(joined([long, table]).whole(), pd.concat([table, table], ignore_index=True))


def test_a_nan_in_one_head_is_not_lost_between_pieces(table):
    spoilt = table.copy()
    spoilt.loc[4, "value"] = np.nan  # image 1, head 1, depth 1 of nmi of a
    for length in (1, 5, 1000):
        means = per_image(cut(spoilt, length))["a"]
        assert np.isnan(means.loc[("nmi", "exact", -1, 1), 1]) and means.isna().sum().sum() == 1


def test_large_tables_are_read_in_pieces(table, tmp_path, monkeypatch):
    path = write_table(table, tmp_path / "t.csv")
    assert isinstance(open_table(path), pd.DataFrame)
    monkeypatch.setattr(record, "LARGE", 100)
    monkeypatch.setattr(record, "ROWS", 10)
    long = open_table(path)
    assert isinstance(long, LongTable) and len(list(long)) == 12
    pd.testing.assert_frame_equal(long.whole(), read_table(path), check_exact=True)
    path.write_text(path.read_text().replace(",1\n", ",0\n"))
    with pytest.raises(ValueError, match="has schema version 0"):
        open_table(path)


def test_a_long_table_is_read_again_only_when_it_changed(table, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "LARGE", 100)
    path = write_table(table, tmp_path / "x.csv")
    stored = write_table(summary(table).assign(mean=7.0), tmp_path / "x_summary.csv")
    times = path.stat().st_mtime_ns
    _touch(stored, times + 1)
    assert (drawing._summary(tmp_path, "x", open_table(path))["mean"] == 7).all()
    _touch(path, times + 2)
    pd.testing.assert_frame_equal(drawing._summary(tmp_path, "x", open_table(path)), summary(table), rtol=1e-13)


def _touch(path, when):
    os.utime(path, ns=(when, when))
