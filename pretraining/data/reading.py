"""Reading all files of a collection once: small pictures into memory, broken ones found before the training starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from study.archive import Source
from study.data import READ_ERRORS, report_broken
from study.pictures import picture, without_pillow_warnings

CACHED_BYTES = 4 * 2**30  # pictures of one size that take no more than this stay in memory


def small_pictures(sources: Sequence[Source]) -> tuple[UInt8[Tensor, "image row column 3"], dict[int, str]] | None:
    """(pictures that can be read, reason for each that cannot by its index); None where they are large or differ.

    None is known early: from the first picture, when all of its size take more than 4 GiB, or from the first of
    another size.
    """
    pixels, broken = np.empty((0, 0, 0, 3), dtype=np.uint8), {}
    with without_pillow_warnings():
        for index, source in enumerate(sources):
            decoded = _decoded(source)
            if isinstance(decoded, str):
                broken[index] = decoded
                continue
            first = index == len(broken)
            if first and decoded.nbytes * len(sources) > CACHED_BYTES:
                return None
            if first:
                pixels = np.empty((len(sources), *decoded.shape), dtype=np.uint8)
            if decoded.shape != pixels.shape[1:]:
                return None
            pixels[index - len(broken)] = decoded
    return torch.from_numpy(pixels[: len(sources) - len(broken)]), broken


def broken_files(sources: Sequence[Source]) -> dict[int, str]:
    """Reason for each file that cannot be read, by its index; every file is decoded, in threads."""
    with without_pillow_warnings(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        reasons = pool.map(_reason, sources)
        return {index: reason for index, reason in enumerate(reasons) if reason}


def report(broken: Mapping[int, str], names: Sequence[str], where: str) -> None:
    """Warn of the broken files, or raise ValueError where all are broken."""
    report_broken([(names[index], reason) for index, reason in broken.items()], len(names), where, stacklevel=5)


def _decoded(source: Source) -> np.ndarray | str:
    """The picture, or why it cannot be read."""
    try:
        return np.asarray(picture(source.read()))
    except READ_ERRORS as error:
        return str(error) or type(error).__name__


def _reason(source: Source) -> str:
    decoded = _decoded(source)
    return decoded if isinstance(decoded, str) else ""
