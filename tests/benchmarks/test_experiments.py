"""The benchmark of runs, on a few images: what it prints can be read by programs, and makes sense."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def test_the_last_line_is_json():
    command = [sys.executable, "-m", "benchmarks.experiments", "--images", "3", "40", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    *table, last = done.stdout.splitlines()
    found = json.loads(last)
    assert found["benchmark"] == "experiments" and found["images"] == [3, 40]
    assert found["ratio"] == pytest.approx(found["peak_mib"][1] / found["peak_mib"][0])
    assert 100 < found["peak_mib"][0] < 5000 and set(found["images_per_second"]) == {"whole", "model", "loader"}
    assert found["speed"] == pytest.approx(found["images_per_second"]["whole"] / found["plain_images_per_second"])
    assert any("run of 40 images" in line for line in table)
