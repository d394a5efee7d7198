"""Shared fixtures; shapes of `ops` and `models` are checked at run time in every test."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: small tensors, and processes share the cores

import jaxtyping
import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from jaxtyping import install_import_hook

import tests._typechecker  # noqa: F401  (the hook below finds it as an attribute of the package)

matplotlib.use("Agg")
install_import_hook(["ops", "models"], "tests._typechecker.checked")

ROOT = Path(__file__).parent.parent
GOLDEN = Path(os.environ.get("GOLDEN") or ROOT / "tests" / "golden")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `golden_checkpoint` runs once for each folder of golden checkpoints."""
    if "golden_checkpoint" in metafunc.fixturenames:
        folders = sorted(path for path in (GOLDEN / "checkpoints").iterdir() if path.is_dir())
        metafunc.parametrize("golden_checkpoint", folders, ids=lambda folder: folder.name)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Root of the official code's outputs; `$GOLDEN` names another set of the same layout."""
    return GOLDEN


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of photographs and data sets that are not part of the project."""
    folder = os.environ.get("VIT_ANATOMY_DATA")
    if not folder:
        pytest.skip("needs the data sets: set VIT_ANATOMY_DATA to their folder")
    return Path(folder)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Annotations not checked, as for users: what is wrong reaches our own checks."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    """pyplot keeps every figure, and warns of the twenty-first."""
    yield
    plt.close("all")
