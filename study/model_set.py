"""Several models at once, going on with those that can be had when a host refuses."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from models import load_model, token_layout
from models.weights.registry import ALIASES, REGISTRY

MINIATURES = ("mini-moco", "mini-simmim", "mini-random")
"""In the project itself: two small models and an untrained one, for when nothing can be downloaded."""


@dataclasses.dataclass(frozen=True)
class ModelSet:
    """Models by name, and the names of those that could not be had.

    Attributes:
        loaded: {name: model}, in the order of the names, in eval mode on the device asked for.
        refused: {name: why}.
        substituted: whether `loaded` stands in for names of which not one could be had.
    """

    loaded: Mapping[str, Any]
    refused: Mapping[str, str]
    substituted: bool

    @property
    def notes(self) -> list[str]:
        """What a reader must know of these models, one sentence or line each."""
        notes = [f"{name} is left out: {_first_line(why)}" for name, why in self.refused.items()]
        if self.substituted:
            notes.append(
                f"NONE OF THE MODELS ASKED FOR IS HERE. All that follows is of {', '.join(self.loaded)} instead."
            )
        notes += [f"{name}: {_described(model)}" for name, model in self.loaded.items()]
        if any(is_miniature(model) for model in self.loaded.values()):
            notes.append(
                "The miniatures are for trying things out: small, with a million images of 32 px seen, "
                "they confirm no paper."
            )
        return notes


def open_models(
    names: str | Sequence[str], *, instead: Sequence[str] = MINIATURES, device: Any = "cpu", download: bool = True
) -> ModelSet:
    """The models that can be had of those named; others in their stead when it is none of them.

    Args:
        names: as `models.load_model` takes them; one string may hold several, separated by commas.
        instead: what to load when no name can be had; () for nothing.
        device: where the models go.
        download: False takes only what comes with the project and leaves out every other name.
    Raises:
        ValueError: no name at all, one that nobody knows, or weights that do not fit (a host that refuses is no error).
        OSError: of `instead` too something is missing.
    """
    wanted = [name.strip() for name in (names.split(",") if isinstance(names, str) else names)]
    wanted = list(dict.fromkeys(name for name in wanted if name))
    if not wanted:
        raise ValueError(
            f"names={names!r} holds no name; expected for example 'moco, simmim' (`python -m models list`)"
        )
    loaded: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name in wanted:
        if not download and not is_packaged(name):
            refused[name] = "it would have to be downloaded, and nothing is downloaded here"
            continue
        try:
            loaded[name] = load_model(name)
        except OSError as error:
            refused[name] = str(error)
    substituted = not loaded and bool(instead)
    if substituted:
        loaded = {name: load_model(name) for name in instead}
    return ModelSet({name: model.to(device) for name, model in loaded.items()}, refused, substituted)


def is_packaged(name: str) -> bool:
    """Whether a model needs no download: it is in the project, or untrained."""
    weights = REGISTRY.get(ALIASES.get(name, name))
    return weights is not None and weights.family == "mini"


def is_miniature(model: Any) -> bool:
    """Whether a loaded model is one of those in the project, by name or file, which are for trying things out."""
    return model.passport.family == "mini"


def _described(model: Any) -> str:
    known, layout = model.passport, token_layout(model)
    patch = (
        layout.patch_size if isinstance(layout.patch_size, int) else f"{layout.patch_size[0]} x {layout.patch_size[1]}"
    )
    labels = ", saw labels" if known.saw_labels else ""
    return (
        f"{known.title}, {known.depth} blocks of {known.heads} heads, {known.dim} channels, "
        f"{layout.grid[0]} x {layout.grid[1]} patches of {patch} px, {layout.prefix} in front{labels}"
    )


def _first_line(text: str) -> str:
    return textwrap.shorten(text.splitlines()[0].rstrip(":"), 160, placeholder=" ...")
