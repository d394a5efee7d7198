"""What timm downloads by itself: where it keeps it, and whether the network may and can be asked for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import huggingface_hub
import timm
import torch
from huggingface_hub import constants

from .download import CACHE, OFFLINE, offline

PROBE = 5.0  # seconds in which the hub must answer; its own attempts take a minute
FILES = ("model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin")


def own_cache(name: str) -> str | None:
    """Folder to give timm: `$VIT_ANATOMY_CACHE`; None, its default, without one or where the weights are there."""
    chosen = os.environ.get(CACHE)
    return None if not chosen or on_disk(name, None) else str(Path(chosen).expanduser())


def on_disk(name: str, folder: str | None) -> bool:
    """Whether timm has the weights of this name in a folder; None is its default one."""
    known = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if known is None:
        return name.startswith("local-dir:")
    if known.hf_hub_id:
        repository, _, revision = known.hf_hub_id.partition("@")
        files = FILES if known.hf_hub_filename is None else (known.hf_hub_filename, *FILES)
        where = {"cache_dir": folder, "revision": revision or None}
        return any(isinstance(huggingface_hub.try_to_load_from_cache(repository, file, **where), str) for file in files)
    if not known.url:
        return False
    file = PurePosixPath(urlparse(known.url).path).name if isinstance(known.url, str) else known.url[1]
    checkpoints = Path(torch.hub.get_dir()) / "checkpoints" if folder is None else Path(folder)
    return (checkpoints / file).is_file()


def on_hub(name: str) -> bool:
    """Whether timm asks the hub for the weights of this name, rather than an address of their own."""
    known = timm.get_pretrained_cfg(name, allow_unregistered=True)
    return known is None or bool(known.hf_hub_id)


def out_of_reach() -> str:
    """Why the hub cannot be asked; empty when it answers."""
    if offline():
        return f"{' and '.join(variable for variable in OFFLINE if os.environ.get(variable))} forbids the network"
    try:
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=PROBE)
    except Exception as error:  # of the hub's network library, which changed with its releases
        return f"{constants.ENDPOINT} does not answer: {error or type(error).__name__}"
    return ""


@contextmanager
def no_network(*, when: bool = True) -> Iterator[None]:
    """Let the hub's library look into its cache only, in the whole process, for the time of a block."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or when
    _forget_sessions()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        _forget_sessions()


def _forget_sessions() -> None:
    """Releases of the library before 1.0 look at the constant only when a session is made."""
    reset = getattr(huggingface_hub.utils, "reset_sessions", None)
    if reset is not None:
        reset()
