"""Open a checkpoint file without running anything that it holds."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..weights.web_page import is_web_page

Container = Literal["zip", "pickle", "safetensors"]

# What makes a string look like a path; how a file is read depends on its content alone.
SUFFIXES = frozenset((".pth", ".pt", ".bin", ".safetensors", ".tar", ".ckpt", ".pyth"))


class Ignored:
    """Stands for a harmless object of a training script; takes any arguments and keeps none."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


# Classes that official files hold besides tensors, by the name the file gives them. None of them is imported:
# the stub or an OrderedDict stands in, so neither argparse nor yacs nor numpy can be reached from a file.
ALLOWED: tuple[tuple[Any, str], ...] = (
    (Ignored, "argparse.Namespace"),
    (Ignored, "pathlib.PosixPath"),
    (Ignored, "pathlib._local.PosixPath"),
    (Ignored, "numpy.dtype"),
    (Ignored, "numpy.core.multiarray.scalar"),
    (Ignored, "numpy._core.multiarray.scalar"),
    (OrderedDict, "yacs.config.CfgNode"),
)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a file holds, read but not yet understood.

    Attributes:
        path: the file.
        container: how it is packed; told by its content, never by its name.
        payload: the outermost dict.
    """

    path: Path
    container: Container
    payload: Mapping[str, Any]


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The content of a checkpoint file, on the CPU, memory-mapped where the format allows it.

    Raises:
        OSError: there is no such file, or it is a directory, or it may not be read.
        ValueError: the file is empty, cut short, a web page, no checkpoint, or asks for code to be run.
    """
    file = Path(path).expanduser()
    container = _container(file)
    payload = load_safetensors(file) if container == "safetensors" else _load_torch(file, container)
    if not isinstance(payload, Mapping) or not payload or not all(isinstance(key, str) for key in payload):
        raise ValueError(
            f"{file}: not a checkpoint: it holds {_described(payload)}, expected a dict of weights by name; "
            "save model.state_dict() instead"
        )
    return Checkpoint(file, container, payload)


def load_safetensors(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file by name.

    Raises:
        ValueError: the file is cut short or damaged.
    """
    try:
        return load_file(file)
    except (SafetensorError, ValueError) as error:
        raise ValueError(_damaged(file, f"safetensors says: {error}")) from None


def sha256(file: Path) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _container(file: Path) -> Container:
    """How the file is packed, from its first bytes."""
    if file.is_dir():
        raise IsADirectoryError(f"{file}: a directory, expected a checkpoint file; name the file inside it")
    if not file.exists():
        raise FileNotFoundError(
            f"{file}: no such checkpoint file; check the path, or give a name that `python -m models list` shows"
        )
    with file.open("rb") as stream:
        head = stream.read(512)
    if not head:
        raise ValueError(f"{file}: empty (0 bytes); the download failed: delete the file and fetch it again")
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if _is_safetensors(head):
        return "safetensors"
    if head[:1] == b"\x80":
        return "pickle"
    raise ValueError(f"{file}: not a checkpoint: {_foreign(head)}")


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000


def _foreign(head: bytes) -> str:
    """What a file that is no checkpoint seems to be, and the cure."""
    if is_web_page(head):
        return (
            "it is a web page, as Google Drive sends when its download quota is spent or a confirmation is asked; "
            "open the address in a browser, download the file by hand and put it here"
        )
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, the weights were never fetched; run `git lfs pull`"
    if head.startswith(b"\x1f\x8b"):
        return "it is a gzip archive; unpack it first"
    if head[257:262] == b"ustar":
        return "it is a tar archive (of torch before 0.1.10, or of files); unpack it, or save it again with torch"
    return f"it begins with {head[:12]!r}, expected a file of torch.save or safetensors; fetch it again"


def _load_torch(file: Path, container: Container) -> Any:
    """The object in a file of torch.save; the container of torch before 1.6 cannot be memory-mapped."""
    try:
        with torch.serialization.safe_globals(list(ALLOWED)):
            return torch.load(file, map_location="cpu", weights_only=True, mmap=container == "zip")
    except pickle.UnpicklingError as error:
        raise ValueError(_refused(file, str(error))) from None
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(_unreadable(file, container, error)) from None


def _refused(file: Path, message: str) -> str:
    """The error for a pickle that torch's safe reader refused; torch's own text advises to run it."""
    asked = re.search(r"(?:GLOBAL|class|function) (\S+)", message)
    if asked is None:
        return _damaged(file, f"torch says: {message.splitlines()[-1] if message else 'nothing'}")
    return (
        f"{file}: refused: it asks for {asked.group(1)!r}, which is no part of a set of weights, and nothing of it was "
        "run; if you trust its source, load it there and save the state_dict alone, best as safetensors"
    )


def _unreadable(file: Path, container: Container, error: Exception) -> str:
    lines = str(error).splitlines()
    reason = f"torch says: {lines[0] if lines else type(error).__name__}"
    if "TorchScript" in reason:
        return f"{file}: a TorchScript archive, expected a dict of weights; save its state_dict() instead"
    if container == "zip" and zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if not any(name.endswith("data.pkl") for name in archive.namelist()):
                return f"{file}: not a checkpoint but an ordinary zip archive; unpack it first"
    return _damaged(file, reason)


def _damaged(file: Path, reason: str) -> str:
    return (
        f"{file}: cut short or damaged at {file.stat().st_size:,} bytes ({reason}); delete the file and fetch it again"
    )


def _described(payload: Any) -> str:
    if isinstance(payload, Mapping):
        return "an empty dict" if not payload else "a dict whose keys are not names"
    return f"a {type(payload).__name__}"
