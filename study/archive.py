"""Where the bytes of an image are: a file, or a member of a zip."""

from __future__ import annotations

import dataclasses
import functools
import os
import zipfile
from pathlib import Path, PurePosixPath

from .pictures import SUFFIXES


@dataclasses.dataclass(frozen=True)
class File:
    """An image file.

    Attributes:
        name: its path relative to the folder that was opened, with `/`.
        path: where it is.
    """

    name: str
    path: Path

    def read(self) -> bytes:
        return self.path.read_bytes()

    def size(self) -> int:
        """Of the file in bytes."""
        return self.path.stat().st_size


@dataclasses.dataclass(frozen=True)
class Member:
    """An image in a zip.

    Attributes:
        name: its path relative to the folder inside the zip that was opened.
        archive: path of the zip.
        member: its full name inside.
    """

    name: str
    archive: Path
    member: str

    def read(self) -> bytes:
        return _opened(self.archive, os.getpid()).read(self.member)

    def size(self) -> int:
        """Of the image file in bytes, unpacked."""
        return _opened(self.archive, os.getpid()).getinfo(self.member).file_size


Source = File | Member


def folder_files(folder: Path) -> list[Source]:
    """All image files below a folder, sorted by their relative path; hidden ones are left out."""
    found = [
        Path(root, file).relative_to(folder) for root, _, files in os.walk(folder, followlinks=True) for file in files
    ]
    chosen = [path for path in found if _is_image(PurePosixPath(path.as_posix()))]
    return [File(path.as_posix(), folder / path) for path in sorted(chosen, key=lambda path: path.as_posix())]


def zip_members(archive: Path, folder: str = "") -> list[Source]:
    """All images of a zip below a folder inside, sorted by their relative path.

    Raises:
        ValueError: the file is no zip.
    """
    try:
        members = _opened(archive, os.getpid()).namelist()
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive} is no readable zip ({error}); was its download cut off?") from error
    start = f"{folder}/" if folder else ""
    chosen = [name for name in members if name.startswith(start) and _is_image(PurePosixPath(name[len(start) :]))]
    return [Member(name[len(start) :], archive, name) for name in sorted(chosen)]


def split_zip_path(path: Path) -> tuple[Path, str] | None:
    """(zip, folder inside) of a path such as `cifar10.zip/test`; None where no part of it is a zip file."""
    for part in (path, *path.parents):
        if part.suffix.lower() == ".zip" and part.is_file():
            inside = path.relative_to(part).as_posix()
            return part, "" if inside == "." else inside
    return None


def _is_image(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


@functools.lru_cache(maxsize=8)
def _opened(archive: Path, process: int) -> zipfile.ZipFile:
    """One open zip for each process: workers must not share a file position."""
    return zipfile.ZipFile(archive)
