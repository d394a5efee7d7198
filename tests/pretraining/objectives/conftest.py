"""Methods at the size of the golden files, and the official code's numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pretraining.objectives import Objective, build_objective
from tests.pretraining.objectives.recipes import golden_recipe

DOUBLE = "f64/"
FOLDERS = {"mocov3": "moco_v3", "simmim": "simmim", "mae": "mae"}


class Official:
    """The official code's outputs of a method; a test that asks for a file which is not there is skipped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """A file of the method."""
        path = self.folder / name
        if not path.is_file():
            pytest.skip(f"{path} is too large for the repository: set GOLDEN to the folder of all golden files")
        return path

    def arrays(self, name: str = "expected.npz") -> dict[str, np.ndarray]:
        """Everything in a file of arrays but its meta data."""
        with np.load(self.path(name)) as file:
            return {key: file[key] for key in file.files if key != "meta"}

    def numbers(self, dtype: torch.dtype) -> dict[str, np.ndarray]:
        """`expected.npz` as the official code computed it in float32 or float64; inputs are there once."""
        arrays = self.arrays()
        single = {key: value for key, value in arrays.items() if not key.startswith(DOUBLE)}
        double = {key.removeprefix(DOUBLE): value for key, value in arrays.items() if key.startswith(DOUBLE)}
        return single | double if dtype == torch.float64 else single

    def meta(self, name: str = "expected.npz") -> dict[str, Any]:
        """Sizes, constants and lists of names."""
        with np.load(self.path(name)) as file:
            return json.loads(str(file["meta"]))

    def checkpoint(self) -> dict[str, Any]:
        """The official checkpoint."""
        name = "checkpoint.pth.tar" if self.folder.name == "moco_v3" else "checkpoint.pth"
        return torch.load(self.path(name), weights_only=True)


@pytest.fixture(params=[torch.float64, torch.float32], ids=str)
def dtype(request) -> torch.dtype:
    """The precisions of the golden numbers."""
    return request.param


@pytest.fixture
def official(golden) -> Callable[[str], Official]:
    """`official(method)`: what the official code of a method computed."""
    return lambda method: Official(golden / "objectives" / FOLDERS[method])


@pytest.fixture
def golden_objective(official) -> Callable[..., Objective]:
    """`golden_objective(method, dtype, *opts)`: a method with the golden checkpoint's weights, in train mode."""

    def made(method: str, dtype: torch.dtype, *opts: object) -> Objective:
        objective = build_objective(golden_recipe(method, *opts), classes=2)
        objective.load_checkpoint_entry(official(method).checkpoint())
        return objective.to(dtype).train()

    return made
