"""One address into one partial file: continued after a break, tried again, never a web page."""

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import FileIO
from itertools import chain
from pathlib import Path

import requests
from tqdm.auto import tqdm

from ._drive import drive_address
from ._http import TransientError, chunks, get
from .web_page import is_web_page, page_title

ATTEMPTS = 5  # without a single new byte between them
BACKOFF = 0.5  # seconds before the second attempt; doubles
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskFullError(OSError):
    """There is no room for the file; another mirror cannot help."""


@dataclass(frozen=True)
class _Origin:
    """Where the bytes of a partial file came from; stands beside it as JSON."""

    url: str
    total: int | None
    version: str | None  # the server's ETag, else its Last-Modified


def transfer(url: str, part: Path, *, expected: int | None, checked: bool, progress: bool = True) -> None:
    """Fill `part` with the bytes at `url`, continuing what is there already.

    Args:
        url: `https://...` or `gdrive:<file id>`.
        part: partial file; its origin stands beside it, in `<part>.json`.
        expected: size in bytes when known; another announced size is refused before anything is fetched.
        checked: the caller compares a hash afterwards, so bytes begun at one mirror may be ended at another.
        progress: show a bar.
    Raises:
        OSError: the address does not work, after several attempts where another might help.
        DiskFullError: no room; what has been fetched is kept.
    """
    bar = tqdm(desc=part.name.removesuffix(".part"), unit="B", unit_scale=True, disable=not progress)
    with bar, requests.Session() as session:
        failures, furthest = 0, size(part)
        while True:
            try:
                return _attempt(url, part, expected, checked, session, bar)
            except TransientError as error:
                failures = 1 if size(part) > furthest else failures + 1
                furthest = max(furthest, size(part))
                if failures >= ATTEMPTS:
                    raise OSError(f"{error} ({failures} attempts)") from error
                time.sleep(max(error.wait, BACKOFF * 2 ** (failures - 1)))


def discard(part: Path) -> None:
    """Forget a partial file and its origin."""
    part.unlink(missing_ok=True)
    _origin_file(part).unlink(missing_ok=True)


def size(path: Path) -> int:
    """Bytes in a file, 0 when there is none."""
    return path.stat().st_size if path.exists() else 0


def _attempt(url: str, part: Path, expected: int | None, checked: bool, session: requests.Session, bar: tqdm) -> None:
    origin = _continuable(url, part, checked)
    offset = size(part) if origin else 0
    if origin and origin.total == offset:
        return
    address = drive_address(url.removeprefix("gdrive:"), session) if url.startswith("gdrive:") else url
    with get(session, address, _range(origin, offset, url)) as response:
        if response.status_code == 200:
            offset, body = 0, _begin(response, url, part, expected)
        else:
            _same_file(response, url, part, origin)
            body = chunks(response)
        total = _read_origin(part).total
        _make_room(part, total, offset)
        bar.total, bar.n = total, offset
        _write(body, part, offset, bar)
    if total is not None and size(part) != total:
        raise TransientError(f"{size(part)} of {total} bytes arrived")


def _continuable(url: str, part: Path, checked: bool) -> _Origin | None:
    """Origin of the bytes in `part` when they may be continued from `url`."""
    if not size(part) or not _origin_file(part).exists():
        return None
    origin = _read_origin(part)
    fits = origin.total is not None and size(part) <= origin.total
    return origin if fits and (checked or origin.url == url) else None


def _range(origin: _Origin | None, offset: int, url: str) -> dict[str, str]:
    if origin is None:
        return {}
    headers = {"Range": f"bytes={offset}-"}
    # A weak tag may not be used here (RFC 9110, 13.1.5), one of another host means nothing.
    if origin.version and not origin.version.startswith("W/") and origin.url == url:
        headers["If-Range"] = origin.version
    return headers


def _begin(response: requests.Response, url: str, part: Path, expected: int | None) -> Iterator[bytes]:
    """Body of a file that comes from its first byte, its origin noted; refuses web pages and wrong sizes."""
    total = _announced(response)
    body = chunks(response)
    first = next(body, b"")
    if is_web_page(first, response.headers.get("Content-Type", "")):
        title = page_title(first.decode("utf-8", "replace"))
        raise OSError(f"the server sends a web page and not the file{f' ({title})' if title else ''}")
    if None not in (total, expected) and total != expected:
        raise OSError(f"the server's file has {total} bytes, the published one {expected}")
    discard(part)
    origin = _Origin(url=url, total=total, version=_version(response))
    _origin_file(part).write_text(json.dumps(asdict(origin)))
    return chain([first], body)


def _announced(response: requests.Response) -> int | None:
    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    length = response.headers.get("Content-Length", "")
    return int(length) if plain and length.isdecimal() else None


def _version(response: requests.Response) -> str | None:
    return response.headers.get("ETag") or response.headers.get("Last-Modified")


def _same_file(response: requests.Response, url: str, part: Path, origin: _Origin | None) -> None:
    """Raise unless a partial answer (206) continues exactly the file that `part` began."""
    offset = size(part)
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if origin and span and response.status_code == 206:
        same_version = origin.url != url or origin.version == _version(response)
        if same_version and (int(span[1]), int(span[2])) == (offset, origin.total):
            return
    discard(part)
    raise TransientError("the file on the server is another than the one begun; starting again")


def _make_room(part: Path, total: int | None, offset: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - offset > free:
        message = f"{total - offset} bytes are to come and {free} are free"
        raise DiskFullError(errno.ENOSPC, message, str(part))


def _write(body: Iterator[bytes], part: Path, offset: int, bar: tqdm) -> None:
    # Unbuffered, so that a killed process leaves every byte it has seen.
    with FileIO(part, "ab" if offset else "wb") as file:
        for chunk in body:
            _append(file, chunk, part)
            bar.update(len(chunk))


def _append(file: FileIO, chunk: bytes, part: Path) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[os.write(file.fileno(), rest) :]
    except OSError as error:
        if error.errno in FULL:
            raise DiskFullError(error.errno, error.strerror, str(part)) from error
        raise


def _origin_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_origin(part: Path) -> _Origin:
    try:
        return _Origin(**json.loads(_origin_file(part).read_text()))
    except (OSError, ValueError, TypeError):  # missing, or cut short by a power failure
        return _Origin(url="", total=None, version=None)
