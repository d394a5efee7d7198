import importlib.metadata
from pathlib import Path

import pytest

from study import install
from study.install import KEPT, install_missing, main, pinned, requirements_in


class Pip:
    """Stands in for pip: refuses any call that asks for a package named `refused`."""

    def __init__(self, refused=()):
        self.refused = set(refused)
        self.calls = []
        self.pins = None

    def __call__(self, arguments):
        self.calls.append([argument for argument in arguments if not argument.startswith("-")])
        self.pins = Path(arguments[arguments.index("--constraint") + 1]).read_text(encoding="utf-8").splitlines()
        return not self.refused.intersection(arguments)


def test_all_at_once_with_torch_and_numpy_pinned():
    pip = Pip()
    assert install_missing(["timm>=1.0.15", "einops"], pip=pip) == []
    [call] = pip.calls
    assert call[1:] == ["timm>=1.0.15", "einops"]
    assert f"numpy=={importlib.metadata.version('numpy')}" in pip.pins
    assert f"torch=={importlib.metadata.version('torch')}" in pip.pins


def test_one_by_one_where_all_at_once_fails():
    pip = Pip(refused={"fastai"})
    assert install_missing(["timm", "fastai", "einops"], pip=pip) == ["fastai"]
    assert [call[1:] for call in pip.calls] == [["timm", "fastai", "einops"], ["timm"], ["fastai"], ["einops"]]


def test_pinned_leaves_out_what_is_not_there():
    assert pinned(["numpy", "no-such-package-here"]) == [f"numpy=={importlib.metadata.version('numpy')}"]
    assert {"torch", "numpy"} <= set(KEPT)


def test_requirements_without_comments():
    assert requirements_in("# all\n\ntorch>=2.6\n  timm  # new\n") == ["torch>=2.6", "timm"]


@pytest.mark.parametrize(("failed", "text"), [([], ""), (["fastai"], "could not be installed beside the torch")])
def test_main_says_what_failed(monkeypatch, capsys, failed, text):
    asked = []
    monkeypatch.setattr(install, "install_missing", lambda requirements: asked.extend(requirements) or failed)
    main()
    assert [line for line in asked if line.startswith("timm>=")]
    assert capsys.readouterr().out.startswith(text)
