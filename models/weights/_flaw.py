"""What can be known to be wrong with a downloaded file before it is opened."""

import hashlib
from pathlib import Path

from .entry import Weights
from .web_page import is_web_page


def flaw(path: Path, weights: Weights) -> str | None:
    """What is wrong with a downloaded file, None when it agrees with all that is known of it."""
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        return "the file is empty"
    if is_web_page(start):
        return "it is a web page and no weights"
    if weights.bytes is not None and path.stat().st_size != weights.bytes:
        return f"it has {path.stat().st_size} bytes instead of {weights.bytes}"
    return _wrong_hash(path, weights)


def _wrong_hash(path: Path, weights: Weights) -> str | None:
    known = f"sha256:{weights.sha256}" if weights.sha256 else weights.hash_prefix
    if known is None:
        return None
    algorithm, _, digest = known.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    return None if found.startswith(digest) else f"its {algorithm} is {found} and should begin with {digest}"
