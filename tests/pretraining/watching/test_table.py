"""Rows survive the process, and rows that the training has taken back are gone."""

import pandas as pd
import pytest

from pretraining.watching.table import Table


def filled(path, positions):
    table = Table(path)
    for images in positions:
        table.append([{"images": images, "loss": images / 10}])
    return table


def test_rows_stand_in_the_file_at_once(tmp_path):
    filled(tmp_path / "log.csv", [1, 2])
    assert (tmp_path / "log.csv").read_text().splitlines() == ["images,loss", "1,0.1", "2,0.2"]


def test_going_on_cuts_off_what_lies_beyond_the_checkpoint(tmp_path):
    filled(tmp_path / "log.csv", [100, 200, 300, 400])
    Table(tmp_path / "log.csv", position=200).append([{"images": 300, "loss": 7}])
    assert pd.read_csv(tmp_path / "log.csv")["images"].tolist() == [100, 200, 300]
    assert pd.read_csv(tmp_path / "log.csv")["loss"].tolist() == [10, 20, 7]


def test_beginning_anew_empties_it(tmp_path):
    filled(tmp_path / "log.csv", [0, 100])
    filled(tmp_path / "log.csv", [0])
    assert pd.read_csv(tmp_path / "log.csv")["images"].tolist() == [0]


def test_a_row_cut_short_by_a_crash_is_left_out(tmp_path):
    filled(tmp_path / "log.csv", [100, 200])
    with (tmp_path / "log.csv").open("a") as file:
        file.write("15")  # of 150: looks like an early row
    Table(tmp_path / "log.csv", position=200).append([{"images": 300, "loss": 1}])
    assert pd.read_csv(tmp_path / "log.csv")["images"].tolist() == [100, 200, 300]


def test_a_new_column_is_empty_in_older_rows(tmp_path):
    table = filled(tmp_path / "log.csv", [100])
    table.append([{"images": 200, "loss": 1, "accuracy": 0.5}])
    table.append([{"images": 300, "loss": 1}])
    assert pd.read_csv(tmp_path / "log.csv")["accuracy"].isna().tolist() == [True, False, True]


def test_a_table_of_something_else_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"log\.csv has no column 'images'"):
        Table(tmp_path / "log.csv", position=10)
