"""Models that timm itself hosts, with errors that name the cure."""

from __future__ import annotations

from typing import Any

import timm

from .download import cache_folder
from .plain_vits import nearest_timm_names
from .registry import Weights


def timm_model(name: str, weights: Weights | None, *, pretrained: bool, img_size: tuple[int, int] | None) -> Any:
    """A model of timm; pretrained weights or an error, never silently random.

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
    try:
        return timm.create_model(name, pretrained=pretrained, **options)
    except Exception as error:
        if not pretrained or isinstance(error, TypeError):
            raise ValueError(f"name={name!r}: timm cannot build it with {options}: {error}") from error
        raise OSError(_unreachable(name, weights, error)) from error


def _check_tag(name: str) -> None:
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        return
    known = timm.list_pretrained(f"{architecture}.*")
    if tag and name not in known:
        near = known or nearest_timm_names(name)
        raise ValueError(f"name={name!r}: timm knows no such weights; it has {', '.join(near) or 'none of this shape'}")
    if not tag and not timm.is_model_pretrained(architecture):
        raise ValueError(f"name={name!r}: timm has no weights for it; pass pretrained=False for the bare architecture")


def _unreachable(name: str, weights: Weights | None, error: Exception) -> str:
    lines = str(error).splitlines()
    reason = f"{type(error).__name__}: {lines[0] if lines else ''}"
    by_hand = ""
    if weights is not None and weights.urls:
        by_hand = f", or download {weights.urls[0]} and put the file at {cache_folder() / weights.filename}"
    return (
        f"{name}: timm could not load these weights ({reason}). Without a network, fill Hugging Face's cache on "
        f"another machine (HF_HOME) and copy it{by_hand}"
    )
