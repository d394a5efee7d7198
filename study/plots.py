"""`ops.plots`, also where torch is not installed: redrawing a table needs only numpy, pandas and matplotlib."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

OPS = Path(__file__).parent.parent / "ops"


def plots() -> ModuleType:
    """The module `ops.plots`; without torch the rest of `ops`, which needs it, is left out."""
    if importlib.util.find_spec("torch") is None and "ops" not in sys.modules:
        bare = ModuleType("ops")
        bare.__path__ = [str(OPS)]
        sys.modules["ops"] = bare
    return importlib.import_module("ops.plots")
