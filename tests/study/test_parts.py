"""Parts of a table: what they are parts of is said beside them, and is true."""

import json

import numpy as np
import pytest

from study.parts import IDENTITY, Parts


def part(value):
    return {"value": np.array([value])}


def test_a_run_goes_on_with_its_own_parts_and_refuses_those_of_others(tmp_path):
    Parts(tmp_path, {"seed": 1}).write((0, 0), part(0.1))
    again = Parts(tmp_path, {"seed": 1})
    assert (0, 0) in again and (0, 1) not in again
    assert again.read((0, 0))["value"].tolist() == [0.1]
    with pytest.raises(ValueError, match=r"differs from this one: seed 1, now 2\. Give its command again"):
        Parts(tmp_path, {"seed": 2})


def test_what_a_run_killed_before_its_first_part_said_is_not_believed(tmp_path):
    (tmp_path / IDENTITY).write_text(json.dumps({"seed": 1}))
    Parts(tmp_path, {"seed": 2}).write((0, 0), part(0.2))
    assert json.loads((tmp_path / IDENTITY).read_text()) == {"seed": 2}
    assert (0, 0) in Parts(tmp_path, {"seed": 2})
    with pytest.raises(ValueError, match="seed 2, now 1"):
        Parts(tmp_path, {"seed": 1})


def test_replaced_parts_are_gone_and_renamed(tmp_path):
    Parts(tmp_path, {"seed": 1}).write((0, 0), part(0.1))
    other = Parts(tmp_path, {"seed": 2}, replace=True)
    assert (0, 0) not in other
    other.write((0, 1), part(0.2))
    assert (0, 1) in Parts(tmp_path, {"seed": 2}) and len(list(tmp_path.glob("0*.npz"))) == 1
