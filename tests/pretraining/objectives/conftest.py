"""Methods at the size of the golden files, and the official code's numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from yacs.config import CfgNode

from pretraining.objectives import Objective, build_objective
from pretraining.recipe import load_recipe

SIZES = {
    "mocov3": ("ENCODER.IMG_SIZE", 32, "ENCODER.PATCH_SIZE", 8, "MOCOV3.DIM", 32, "MOCOV3.HIDDEN", 64),
    "simmim": (
        *("ENCODER.ARCH", "beit_base_patch16_224", "ENCODER.IMG_SIZE", 96, "ENCODER.PATCH_SIZE", 16),
        *("SIMMIM.MASK_PATCH", 32, "ENCODER.POSITIONS", "learned", "ENCODER.OPTIONS.use_abs_pos_emb", False),
        *("ENCODER.OPTIONS.use_rel_pos_bias", False, "ENCODER.OPTIONS.use_shared_rel_pos_bias", True),
        *("ENCODER.OPTIONS.init_values", 0.1),
    ),
    "mae": (
        *("ENCODER.IMG_SIZE", 48, "ENCODER.PATCH_SIZE", 8),
        *("MAE.DECODER_DIM", 24, "MAE.DECODER_DEPTH", 2, "MAE.DECODER_HEADS", 3),
    ),
}
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
def golden_recipe() -> Callable[..., CfgNode]:
    """`golden_recipe(method, *opts)`: the recipe of a golden checkpoint."""

    def made(method: str, *opts: object) -> CfgNode:
        encoder = ("ENCODER.EMBED_DIM", 32, "ENCODER.DEPTH", 2, "ENCODER.NUM_HEADS", 4, "TRAIN.PRECISION", "float32")
        return load_recipe(f"mini_{method}", [str(item) for item in (*encoder, *SIZES[method], *opts)])

    return made


@pytest.fixture
def golden_objective(golden_recipe, official) -> Callable[..., Objective]:
    """`golden_objective(method, dtype, *opts)`: a method with the golden checkpoint's weights, in train mode."""

    def made(method: str, dtype: torch.dtype, *opts: object) -> Objective:
        objective = build_objective(golden_recipe(method, *opts), classes=2)
        objective.load_checkpoint_entry(official(method).checkpoint())
        return objective.to(dtype).train()

    return made
