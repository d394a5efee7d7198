"""What `import ops` brings, and what it must not bring."""

import inspect
import subprocess
import sys
from pathlib import Path

import ops

ROOT = Path(ops.__file__).parent.parent


def test_import_brings_neither_pictures_nor_learners_nor_models():
    heavy = ("matplotlib", "sklearn", "timm", "models", "study")
    code = f"import sys, ops; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_every_public_name_is_documented_with_its_source():
    for name in ops.__all__:
        doc = inspect.getdoc(getattr(ops, name))
        assert doc, name
        assert "Source: " in doc, name


def test_everything_after_the_data_is_keyword_only():
    data = {
        *("attention", "queries", "keys", "values", "head_outputs", "before", "after", "branch", "tokens"),
        *("features", "images", "bank", "labels", "samples"),
    }
    for name in ops.__all__:
        for parameter in inspect.signature(getattr(ops, name)).parameters.values():
            if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                assert parameter.name in data or name in ("Covariance", "diagonal_frequencies"), (name, parameter)
