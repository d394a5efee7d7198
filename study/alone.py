"""A folder that one run at a time writes to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .processes import Process, everybody_waits

LOCK = ".lock"


@contextlib.contextmanager
def alone_in(folder: Path, here: Process, option: str) -> Iterator[None]:
    """The folder, made where it is not there and held by one run at a time; a killed one lets go of it.

    Args:
        folder: that is written to.
        here: this process; those that torchrun started together are one run.
        option: of the command line, which names another folder.
    Raises:
        OSError: another run holds it, or it cannot be made.
    """
    if not here.first:
        everybody_waits()
        yield
        return
    with locked(folder, option):
        everybody_waits()
        yield


@contextlib.contextmanager
def locked(folder: Path, option: str) -> Iterator[None]:
    """The same for one process, which waits for no others.

    Args:
        folder: that is written to, made where it is not there.
        option: of the command line, which names another folder.
    Raises:
        OSError: another run holds it, or it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OSError(
            f"another process works in {folder}: wait for it, or choose another folder with {option}"
        ) from None
    try:
        yield
    finally:
        lock.release()
