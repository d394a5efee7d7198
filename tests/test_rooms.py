"""Who may import whom: the arrows between the rooms, read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "ops": set(),
    "models": set(),
    "study": {"models", "ops"},
    "pretraining": {"study", "models", "ops"},
    "probing": {"pretraining", "study", "models", "ops"},
    "experiments": {"probing", "pretraining", "study", "models", "ops"},
}
OUTSIDE = {"tests", "benchmarks"}
LIFTED = {"ops", "models"}
"""Rooms that are also installed under another name, and so import themselves only relatively."""


def imported(source: str) -> list[tuple[int, str]]:
    """(level, module) of every import in a source, those inside functions too; level 0 is absolute."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return found


def wrong(room: str, depth: int, source: str) -> list[str]:
    """Imports that a file of a room must not have.

    Args:
        room: topmost folder.
        depth: number of folders from the root to the file.
        source: of the file.
    """
    allowed = MAY_IMPORT[room] | (set() if room in LIFTED else {room})
    tops = [(level, module.split(".")[0], module) for level, module in imported(source)]
    absolute = [
        module for level, top, module in tops if level == 0 and top in {*MAY_IMPORT, *OUTSIDE} and top not in allowed
    ]
    return absolute + [f"{'.' * level}{module}" for level, _, module in tops if level > depth]


FILES = [path.relative_to(ROOT) for room in MAY_IMPORT for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_arrows(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    found = wrong(file.parts[0], len(file.parts) - 1, source)
    assert not found, f"{file} must not import {', '.join(found)}"


def test_all_rooms_are_read():
    assert {file.parts[0] for file in FILES} >= {"ops", "models", "study", "experiments"}


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("ops", "import models"),
        ("ops", "from ops.similarity import x"),
        ("ops", "def f():\n    from study.data import x"),
        ("models", "from ..ops import x"),
        ("study", "import experiments.overview"),
        ("study", "from tests import x"),
    ],
)
def test_the_test_sees_wrong_arrows(room, source):
    assert wrong(room, 1, source)
    assert not wrong("experiments", 1, "from study import x\nfrom .findings import y\nimport torch")
