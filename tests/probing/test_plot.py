"""What `python -m probing plot` says where there is nothing to draw."""

import pytest

from probing.__main__ import main


@pytest.mark.parametrize(
    ("folder", "said"),
    [("nowhere", "there is no {}: give the folder"), ("", "{} holds no probing.csv: give the folder")],
)
def test_no_table(tmp_path, capsys, folder, said):
    where = str(tmp_path / folder)
    assert main(["plot", where]) == 1
    error = capsys.readouterr().err
    assert said.format(where) in error and "Errno" not in error
