"""Tables and manifests: there and back, versions, damage, and nothing half written."""

import json

import numpy as np
import pandas as pd
import pytest

from study.atomic import replacing
from study.record import COLUMNS, SCHEMA, read_manifest, read_table, write_manifest, write_table


@pytest.fixture
def table():
    rows = [
        ("mini-moco", 0, -1, 0, "nmi", -1, "", 0.1 + 0.2),
        ("nan", 1, 2, 1, "distance", -1, "exact", np.nan),
        ('née, "x"', 2, 0, 2, "nmi", 3, "park2023", 1e-300),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_there_and_back_to_the_last_bit(table, tmp_path, suffix):
    read = read_table(write_table(table, tmp_path / f"t.{suffix}"))
    pd.testing.assert_frame_equal(read, table, check_exact=True)
    assert [path.name for path in tmp_path.iterdir()] == [f"t.{suffix}"]


def test_unknown_suffix(table, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.csv or \.parquet, not in '\.xlsx'"):
        write_table(table, tmp_path / "t.xlsx")


def test_older_version_missing_column_and_damage_are_refused(table, tmp_path):
    path = write_table(table, tmp_path / "t.csv")
    text = path.read_text()
    path.write_text(text.replace(f",{SCHEMA}\n", ",0\n"))
    with pytest.raises(ValueError, match=rf"has schema version 0, this program reads {SCHEMA}: make it again"):
        read_table(path)
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match="has schema version none"):
        read_table(path)
    write_table(table.drop(columns="head"), path)
    with pytest.raises(ValueError, match="has no column head; it has model, depth"):
        read_table(path)
    path.write_text("")
    with pytest.raises(ValueError, match="is no readable table"):
        read_table(path)
    with pytest.raises(OSError, match="nowhere"):
        read_table(tmp_path / "nowhere.csv")


def test_manifest_there_and_back(tmp_path):
    path = write_manifest({"models": {"é": [1, None]}}, tmp_path / "m.json")
    assert read_manifest(path) == {"schema": SCHEMA, "models": {"é": [1, None]}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"schema": 0}', "has schema version 0"),
        ("{}", "version none"),
        ("[1]", "no manifest"),
        ('{"sch', "is no JSON .* cut off"),
    ],
)
def test_bad_manifests(tmp_path, text, complaint):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_manifest(tmp_path / "m.json")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = write_manifest({"a": 1}, tmp_path / "m.json")
    with pytest.raises(TypeError):
        write_manifest({"a": object()}, path)
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text())["a"] == 1 and [p.name for p in tmp_path.iterdir()] == ["m.json"]


def test_files_have_the_mode_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    written = write_manifest({}, tmp_path / "m.json")
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_table_without_rows_comes_back(tmp_path):
    empty = pd.DataFrame(columns=["model", "mean"])
    assert list(read_table(write_table(empty, tmp_path / "a.csv"), columns=("mean",)).columns) == ["model", "mean"]
    (tmp_path / "b.csv").write_text("model,mean\n")
    with pytest.raises(ValueError, match="has schema version none"):
        read_table(tmp_path / "b.csv", columns=())
