"""The parts of what is being measured: on disk, so that a killed run goes on, or in memory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .alone import LOCK, locked
from .atomic import replacing
from .packed import Arrays

PARTS = "parts"
IDENTITY = "run.json"
FILES = "[0-9]*.npz"
SHOWN = 12  # digits of a hash in a message


class Parts:
    """Arrays for each model and chunk of images, whole or not there.

    Args:
        folder: that they stand in, made with the first of them; None keeps them in memory.
        identity: what they are parts of, in words: nothing else may be mixed with them.
        replace: throw away parts of anything else instead of refusing them.
    Raises:
        ValueError: the folder holds parts of something else.
    """

    def __init__(self, folder: Path | None, identity: Mapping[str, Any], *, replace: bool = False) -> None:
        self.folder, self.identity = folder, dict(identity)
        self._held: dict[tuple[int, int], Arrays] = {}
        self._told = False
        if folder is None or not any(folder.glob(FILES)):
            return
        differences = _differences(_known(folder / IDENTITY), self.identity)
        if differences and not replace:
            raise ValueError(
                f"{folder} holds parts of an unfinished run that differs from this one: {'; '.join(differences)}. "
                "Give its command again to finish it, choose another folder with --out, or --overwrite to throw its "
                "parts away"
            )
        if differences:
            remove_parts(folder)
        self._told = not differences

    def __contains__(self, place: tuple[int, int]) -> bool:
        """Whether the part of (number of the model, chunk) is there."""
        return place in self._held if self.folder is None else self._path(place).is_file()

    def write(self, place: tuple[int, int], arrays: Arrays) -> None:
        """Keep a part.

        Raises:
            OSError: the folder cannot be written to, or the disk is full.
        """
        if self.folder is None:
            self._held[place] = arrays
            return
        if not self._told:  # what a run killed before its first part said there is not true of these
            self.folder.mkdir(exist_ok=True)
            with replacing(self.folder / IDENTITY) as part:
                part.write_text(json.dumps(self.identity, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            self._told = True
        with replacing(self._path(place)) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())

    def read(self, place: tuple[int, int]) -> Arrays:
        """A part.

        Raises:
            ValueError: the file is damaged.
        """
        return self._held[place] if self.folder is None else _read(self._path(place))

    def _path(self, place: tuple[int, int]) -> Path:
        if self.folder is None:
            raise ValueError("parts in memory have no path")
        return self.folder / f"{place[0]:03d}-{place[1]:06d}.npz"


@contextlib.contextmanager
def parts_folder(results: Path) -> Iterator[Path]:
    """Where the parts of these results stand, held by one run at a time; removed at the end if it holds none.

    Raises:
        OSError: another run holds it.
    """
    folder = results / PARTS
    with locked(folder, "--out"):
        try:
            yield folder
        finally:
            if not any(folder.glob(FILES)):
                shutil.rmtree(folder, ignore_errors=True)


def remove_parts(folder: Path) -> None:
    """Remove the parts, and what a killed run left of an unfinished one."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name != LOCK:
            path.unlink()


def _read(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and give the command again") from error


def _known(path: Path) -> dict[str, Any]:
    """What stands there; nothing where it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(path.read_text(encoding="utf-8"))
        return known if isinstance(known, dict) else {}
    return {}


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs, in words."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [f"{name} {_short(old.get(name))}, now {_short(new.get(name))}" for name in names]


def _short(value: Any) -> str:
    text = "unknown" if value is None else str(value)
    return text[:SHOWN] if len(text) == 64 and text.isalnum() else text
