"""Models that timm itself hosts, with errors that name the cure."""

from __future__ import annotations

from typing import Any

import timm

from ..plain_vits import nearest_timm_names
from ..weights.download import cache_folder, offline
from ..weights.hub import no_network, on_disk, on_hub, out_of_reach, own_cache
from ..weights.registry import Weights
from .families import FAMILIES


def authors_file(weights: Weights) -> bool:
    """Whether the authors' own file can be read, instead of the one that timm hosts."""
    return bool(weights.urls) and (weights.family in FAMILIES or weights.family == "supervised")


def timm_model(name: str, weights: Weights | None, *, pretrained: bool, img_size: tuple[int, int] | None) -> Any:
    """A model of timm; pretrained weights or an error, never silently random.

    The weights come from timm's caches without a request, else from its host, which must answer within seconds;
    offline nothing is asked. `$VIT_ANATOMY_CACHE`, where it is set, takes what is new.

    Args:
        name: `architecture` or `architecture.tag`.
        weights: what the registry knows of them, None if nothing.
        pretrained: whether to load the weights.
        img_size: (height, width); None keeps the weights' own.
    Raises:
        OSError: the weights could not be fetched.
        ValueError: timm has no such weights.
    """
    if pretrained:
        _check_tag(name)
    options: dict[str, Any] = {} if weights is None else dict(weights.options)
    if img_size is not None:
        options["img_size"] = img_size
    if pretrained:
        return _with_weights(name, weights, options)
    try:
        return timm.create_model(name, pretrained=False, **options)
    except Exception as error:
        raise _unbuildable(name, options, error) from error


def _with_weights(name: str, weights: Weights | None, options: dict[str, Any]) -> Any:
    """The model with its weights: from a cache without asking anybody, else from a host that answers."""
    folder = own_cache(name)
    here = on_disk(name, folder)
    obstacle = "" if here or not (on_hub(name) or offline()) else out_of_reach()
    if obstacle and not on_hub(name):
        raise OSError(_unreachable(name, weights, obstacle))
    where = {} if folder is None else {"cache_dir": folder}
    try:
        with no_network(when=here or bool(obstacle)):
            return timm.create_model(name, pretrained=True, **where, **options)
    except TypeError as error:
        raise _unbuildable(name, options, error) from error
    except Exception as error:
        lines = str(error).splitlines()
        reason = obstacle or f"{type(error).__name__}: {lines[0] if lines else ''}"
        raise OSError(_unreachable(name, weights, reason)) from error


def _check_tag(name: str) -> None:
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        return
    known = timm.list_pretrained(f"{architecture}.*")
    if tag and name not in known:
        near = known or nearest_timm_names(name)
        raise ValueError(f"name={name!r}: timm knows no such weights; it has {', '.join(near) or 'none of this shape'}")
    if not tag and not timm.is_model_pretrained(architecture):
        raise ValueError(
            f"name={name!r}: timm has no weights for it; load_model(name, pretrained=False) builds it untrained"
        )


def _unbuildable(name: str, options: dict[str, Any], error: Exception) -> ValueError:
    return ValueError(f"name={name!r}: timm cannot build it with {options}: {error}")


def _unreachable(name: str, weights: Weights | None, reason: str) -> str:
    by_hand = ""
    if weights is not None and weights.urls:
        by_hand = f", or download {weights.urls[0]} and put the file at {cache_folder() / weights.filename}"
    return (
        f"{name}: timm could not load these weights ({reason}). Without a network, fill Hugging Face's cache on "
        f"another machine (HF_HOME) and copy it{by_hand}"
    )
