"""The folder of a run's results, made and tried before any work."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from study.record import read_manifest

from .findings import MANIFEST

RESULTS = Path("results")


def first_process() -> bool:
    """Whether this process is the only one, or the first of those that torchrun started; known without torch."""
    return os.environ.get("RANK", "0") == "0"


def results_folder(name: str, out: Path | None, *, several: bool) -> Path:
    """The folder of an experiment's results, not made yet.

    Args:
        name: of the experiment.
        out: the user's choice; None stands for a new one, `results/<name>-<date>-<time>`.
        several: whether more than one experiment runs: each gets its own folder inside `out`.
    """
    if out is None:
        return _unused(RESULTS / f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
    return out.expanduser() / name if several else out.expanduser()


def unfinished(folders: Mapping[str, Path], command: str) -> dict[str, Path]:
    """Those of several that a killed run of this very command left to do; all where it finished none of them or all.

    Args:
        folders: of the results, by name of the experiment.
        command: as it was typed.
    """
    done = {name for name, folder in folders.items() if _command(folder) == command}
    return {name: folder for name, folder in folders.items() if name not in done or len(done) == len(folders)}


def _command(folder: Path) -> str | None:
    """The command whose results a folder holds."""
    with contextlib.suppress(OSError, ValueError):
        return read_manifest(folder / MANIFEST).get("command")
    return None


def run_folders(folder: Path) -> list[Path]:
    """The folder itself and those right below it, as far as they hold a run.

    Raises:
        OSError: there is none.
    """
    if not folder.is_dir():
        raise OSError(f"there is no folder {folder}; expected one of `python -m experiments run` or `claims`")
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    places = [place for place in (folder, *inside) if (place / MANIFEST).is_file()]
    if not places:
        raise OSError(f"{folder} holds no run: neither it nor a folder in it has a {MANIFEST}")
    return places


def made(folders: Iterable[Path], *, overwrite: bool) -> list[Path]:
    """Make those of the folders that are not there and try each; returns what was made, the innermost first.

    Args:
        folders: of results.
        overwrite: whether they may hold results already.
    Raises:
        OSError: one holds results, cannot be made or not be written to; nothing stays behind.
    """
    new: list[Path] = []
    try:
        for folder in folders:
            if not overwrite and (folder / MANIFEST).exists():
                raise OSError(
                    f"--out {folder} holds the results of a run ({MANIFEST}): choose another folder, or --overwrite "
                    "to replace them"
                )
            _make(folder, new)
    except BaseException:
        remove_empty(new)
        raise
    return new


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of the folders that hold nothing, in this order."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _make(folder: Path, new: list[Path]) -> None:
    """Make a folder and try to write to it; what had to be made comes first in `new`."""
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            new.insert(0, path)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"cannot write results to {folder} ({reason}): choose another folder with --out") from error


def _unused(folder: Path) -> Path:
    """The folder itself, or with a number where one of this second is there."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in range(2, 1000))
    return folder if not folder.exists() else next(path for path in numbered if not path.exists())
