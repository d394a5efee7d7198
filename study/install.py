"""Installs what the notebooks lack and nothing else: torch and numpy stay exactly as they are.

python study/install.py

A file of its own that needs only the standard library: it runs before anything else of the project can be imported.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
KEPT = ("torch", "torchvision", "torchaudio", "numpy")
"""Never replaced: a notebook that swaps them breaks what the host built against them."""

QUIET = ("--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
Pip = Callable[[Sequence[str]], bool]


def install_missing(requirements: Sequence[str], *, pip: Pip | None = None) -> list[str]:
    """Install what is not there yet; packages in `KEPT` that are there are pinned to their version.

    All at once first; where that fails, one by one, so that one package without a fitting version costs only itself.

    Args:
        requirements: as pip takes them.
        pip: runs `pip install` with these arguments and says whether it succeeded.
    Returns:
        The requirements that could not be installed.
    """
    run = _pip if pip is None else pip
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("\n".join(pinned(KEPT)), encoding="utf-8")
        options = [*QUIET, "--constraint", str(pins)]
        if run([*options, *requirements]):
            return []
        return [requirement for requirement in requirements if not run([*options, requirement])]


def pinned(packages: Sequence[str]) -> list[str]:
    """`name==version` of those packages that are installed."""
    found = []
    for package in packages:
        try:
            found.append(f"{package}=={importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def requirements_in(text: str) -> list[str]:
    """The lines of a requirements file without comments.

    >>> requirements_in("# floors\\ntimm>=1.0.15  # tested\\n\\neinops")
    ['timm>=1.0.15', 'einops']
    """
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _pip(arguments: Sequence[str]) -> bool:
    return subprocess.run([sys.executable, "-m", "pip", "install", *arguments]).returncode == 0


def main() -> None:
    failed = install_missing(requirements_in(REQUIREMENTS.read_text(encoding="utf-8")))
    if failed:
        print(f"could not be installed beside the torch and numpy that are here: {', '.join(failed)}")


if __name__ == "__main__":
    main()
