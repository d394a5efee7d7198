"""What a command has finished, on disk: after a kill the same command begins with what is missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from study.atomic import replacing

from .linear.probes import Probes

FOLDER = "finished"
WORDS = 16  # hexadecimal digits of a file's name


def kept_row(out: Path | None, identity: object, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A line of the table: from an earlier run of the very same work, or made and written down.

    Args:
        out: folder of the results; None writes nothing down.
        identity: of all that the line depends on.
        make: the work.
    """
    path = None if out is None else _path(out, identity, "json")
    if path is not None and path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    line = make()
    if path is not None:
        with _replacing(path) as part:
            part.write_text(json.dumps(line), encoding="utf-8")
    return line


def kept_probes(out: Path | None, identity: object, make: Callable[[], Probes]) -> Probes:
    """The same for trained probes."""
    path = None if out is None else _path(out, identity, "safetensors")
    if path is not None and path.is_file():
        return Probes.load(path)
    probes = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        probes.save(path)
    return probes


def _path(out: Path, identity: object, suffix: str) -> Path:
    return out / FOLDER / f"{hashlib.sha256(repr(identity).encode()).hexdigest()[:WORDS]}.{suffix}"


def _replacing(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    return replacing(path)
