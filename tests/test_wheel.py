"""The wheel, installed somewhere else: `vit_anatomy.models` and `vit_anatomy.ops`."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
USE = """
import torch
from vit_anatomy.models import load_model, tap
from vit_anatomy.ops import attention_nmi
import vit_anatomy.models, vit_anatomy.ops
model = vit_anatomy.models.load_model("mini-simmim")
with torch.inference_mode(), tap(model) as trace:
    model(torch.zeros(1, 3, 32, 32))
print(attention_nmi(trace.attention[3]).shape, vit_anatomy.ops.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def test_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"vit_anatomy"}
    assert "vit_anatomy/models/mini/simmim.safetensors" in names
    assert not [name for name in names if "__pycache__" in name or "test" in name]


def test_works_elsewhere(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    run = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "torch.Size([1, 3])" in run.stdout and str(site) in run.stdout
