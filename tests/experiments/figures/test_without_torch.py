"""Nothing that draws imports torch."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
sys.modules.update(dict.fromkeys(("torch", "timm", "torchvision", "sklearn", "einops", "jaxtyping")))
import importlib
for name in sys.argv[1:]:
    importlib.import_module(f"experiments.figures.{name}")
"""


def test_every_figure_is_imported_without_torch():
    names = sorted(path.stem for path in (ROOT / "experiments" / "figures").glob("*.py"))
    assert len(names) > 20
    done = subprocess.run([sys.executable, "-c", SCRIPT, *names], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
