"""The folder of a run's results, made and tried before any work."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

RESULTS = Path("results")


def results_folder(name: str, out: Path | None, *, several: bool) -> Path:
    """A folder that can be written to.

    Args:
        name: of the experiment.
        out: the user's choice; None makes `results/<name>-<date>-<time>`.
        several: whether more than one experiment runs: each gets its own folder inside `out`.
    Raises:
        OSError: it cannot be made or written to.
    """
    if out is None:
        folder = RESULTS / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    else:
        folder = out.expanduser() / name if several else out.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"cannot write results to {folder} ({reason}): choose another folder with --out") from error
    return folder


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of the folders that hold nothing."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
