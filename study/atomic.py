"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

RANDOM = "[a-z0-9_]{8}"  # what tempfile puts into a name


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write to; what was written takes the place of `path` when all went well, else it is removed.

    Raises:
        OSError: the folder cannot be written to.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_mask())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_leftovers(path: str | os.PathLike[str]) -> list[Path]:
    """Remove what `replacing(path)` left where its process was killed; the paths of those files.

    Only for whoever is alone in the folder: a file that another process is writing has such a name, too.
    """
    path = Path(path)
    name = re.compile(rf"\.{re.escape(path.stem)}-{RANDOM}{re.escape(path.suffix)}")
    found = [file for file in path.parent.iterdir() if name.fullmatch(file.name)] if path.parent.is_dir() else []
    for file in found:
        file.unlink(missing_ok=True)
    return found


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
