"""Published weights into the cache folder: mirrors, lock, check, then one atomic rename."""

import logging
import os
import shutil
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from ._flaw import flaw
from ._transfer import FULL, DiskFullError, discard, transfer
from .entry import Weights, browser_address

CACHE = "VIT_ANATOMY_CACHE"
MIRROR = "VIT_ANATOMY_MIRROR"
OFFLINE = ("VIT_ANATOMY_OFFLINE", "HF_HUB_OFFLINE")
PACKAGED = Path(__file__).parent.parent / "mini"
_log = logging.getLogger(__name__)


def fetch(weights: Weights, *, folder: str | Path | None = None, progress: bool = True) -> Path:
    """Path of the weights' file, downloaded when it is not in the cache folder yet.

    A break is continued on the next call, two processes fetch once, and a file that has its name is whole.

    Args:
        weights: entry of the registry.
        folder: cache folder; default `$VIT_ANATOMY_CACHE`, else `checkpoints` in torch.hub's folder.
        progress: show a bar.
    Raises:
        ValueError: the weights have no file of their own (untrained, or only timm hosts them).
        OSError: no address works, no network, no room; the message names file, addresses and folder.
    """
    if weights.packaged:
        return PACKAGED / weights.filename
    if not weights.filename:
        raise ValueError(f"weights={weights.name!r} have no file to download; {_without_file(weights)}")
    target = cache_folder(folder) / weights.filename
    if target.is_file() and flaw(target, weights) is None:
        return target
    sources = _sources(weights)
    if not sources:
        raise OSError(_advice(weights, target, [_offline_reason(target, weights)]))
    _make_folder(target.parent)
    with _alone(target):
        return _cached_meanwhile(target, weights) or _download(weights, target, sources, progress)


def at_hand(weights: Weights, *, progress: bool = True) -> Path | None:
    """Path of the weights' file where the cache folder has it or `$VIT_ANATOMY_MIRROR` gives it, else None.

    No published address is asked: for weights that another host has as well.
    """
    target = cache_folder() / weights.filename
    sources = _mirrors(weights)
    if target.is_file() or not sources:
        return target if target.is_file() else None
    _make_folder(target.parent)
    try:
        with _alone(target):
            return _cached_meanwhile(target, weights) or _download(weights, target, sources, progress)
    except OSError as error:
        _log.warning("%s: %s has no %s, so the published host is asked", weights.name, MIRROR, weights.filename)
        _log.info("%s", error)
        return None


def cache_folder(folder: str | Path | None = None) -> Path:
    """Folder of weights: the argument, else `$VIT_ANATOMY_CACHE`, else torch.hub's `checkpoints`."""
    chosen = folder or os.environ.get(CACHE)
    return Path(chosen).expanduser() if chosen else Path(torch.hub.get_dir()) / "checkpoints"


def offline() -> bool:
    """Whether `VIT_ANATOMY_OFFLINE` or `HF_HUB_OFFLINE` forbids the network."""
    return any(os.environ.get(name, "").lower() in ("1", "true", "yes", "on") for name in OFFLINE)


def _sources(weights: Weights) -> list[str | Path]:
    """The user's mirror first, then the published addresses; offline only a mirror that is a folder."""
    return [*_mirrors(weights), *([] if offline() else weights.urls)]


def _mirrors(weights: Weights) -> list[str | Path]:
    """The file on the user's mirror, where one is set and may be asked."""
    mirror = os.environ.get(MIRROR, "")
    if "://" in mirror:
        return [] if offline() else [f"{mirror.rstrip('/')}/{weights.filename}"]
    return [Path(mirror).expanduser() / weights.filename] if mirror else []


def _alone(target: Path) -> FileLock:
    """The lock of a file, to be held while it is fetched; says so when another process holds it already."""
    lock = FileLock(target.with_name(target.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _log.warning("another process is fetching %s; waiting for it", target.name)
        return lock
    lock.release()
    return lock


def _cached_meanwhile(target: Path, weights: Weights) -> Path | None:
    if not target.is_file():
        return None
    reason = flaw(target, weights)
    if reason is None:
        return target
    _set_aside(target, target, reason)
    return None


def _download(weights: Weights, target: Path, sources: list[str | Path], progress: bool) -> Path:
    part = target.with_name(target.name + ".part")
    failures = []
    for source in sources:
        try:
            reason = _obtain(source, part, weights, progress)
        except DiskFullError as error:
            raise OSError(error.errno, _no_room(target, error)) from error
        except OSError as error:
            reason = str(error)
        else:
            if reason is None:
                os.replace(part, target)
                discard(part)
                return target
            _set_aside(part, target, reason)
        failures.append(f"{_shown(source)}: {reason}")
    raise OSError(_advice(weights, target, failures))


def _obtain(source: str | Path, part: Path, weights: Weights, progress: bool) -> str | None:
    """Fill `part` from one source; the flaw of what came, or None."""
    if isinstance(source, Path):
        return _copy(source, part, weights)
    checked = bool(weights.sha256 or weights.hash_prefix)
    continued = part.exists()
    transfer(source, part, expected=weights.bytes, checked=checked, progress=progress)
    reason = flaw(part, weights)
    if reason is None or not continued:
        return reason
    _log.warning("%s, continued from an earlier download, is damaged (%s): starting again", part.name, reason)
    discard(part)
    return _obtain(source, part, weights, progress)


def _copy(source: Path, part: Path, weights: Weights) -> None:
    reason = flaw(source, weights)
    if reason is not None:
        raise OSError(reason)
    try:
        discard(part)
        shutil.copyfile(source, part)
    except OSError as error:
        if error.errno in FULL:
            raise DiskFullError(error.errno, str(error.strerror), str(part)) from error
        raise


def _set_aside(path: Path, target: Path, reason: str) -> None:
    bad = target.with_name(target.name + ".bad")
    os.replace(path, bad)
    discard(target.with_name(target.name + ".part"))
    _log.warning("%s is damaged (%s); kept as %s", target.name, reason, bad)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"folder={str(folder)!r} for weights cannot be made ({error.strerror}); "
        raise OSError(message + f"set {CACHE} or folder= to one that can be written") from error


def _without_file(weights: Weights) -> str:
    if weights.timm_hosted:
        return f"timm downloads them itself: timm.create_model({weights.name!r}, pretrained=True)"
    return "they are a random initialisation"


def _offline_reason(target: Path, weights: Weights) -> str:
    set_names = [name for name in OFFLINE if os.environ.get(name)]
    here = f"the file there is damaged: {flaw(target, weights)}" if target.is_file() else "no such file there"
    return f"no download because {' and '.join(set_names)} forbids the network; {here}"


def _no_room(target: Path, error: OSError) -> str:
    return (
        f"no room for {target.name} in {target.parent}: {error.strerror}. What has been fetched is kept as "
        f"{target.name}.part and will be continued. Free room, or set {CACHE} or folder= to a larger disk"
    )


def _advice(weights: Weights, target: Path, failures: list[str]) -> str:
    addresses = " or ".join(browser_address(url) for url in weights.urls)
    tried = "\n".join(f"  {failure}" for failure in failures)
    return (
        f"the weights {weights.name} ({weights.filename}) could not be fetched:\n{tried}\n"
        f"Cure: download {addresses} on any machine and put the file at {target}, or set {MIRROR} to an "
        f"address or a folder that holds {weights.filename}. {CACHE} changes the folder; what has come "
        "so far is continued at the next call"
    )


def _shown(source: str | Path) -> str:
    return str(source) if isinstance(source, Path) else browser_address(source)
