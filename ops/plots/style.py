"""One colour, marker and line for each family of models, the same in every figure."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import PurePath
from types import MappingProxyType
from zlib import crc32

from matplotlib.colors import to_hex, to_rgb

Look = tuple[str, str, str]
"""Colour, marker, line."""

FAMILIES: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    # family: (words that tell it, colour, marker, line); the first match counts, so tags stand before architectures
    "random": (("random",), "#8C8C8C", "x", ":"),
    "hybrid": (("hybrid",), "#B4234F", "X", "-."),
    "simmim": (("simmim",), "#E07B00", "s", "--"),
    "moco": (("moco",), "#0062A8", "o", "-"),
    "mae": (("mae",), "#0B8F6A", "^", "-."),
    "ibot": (("ibot",), "#1BA3C6", "p", "-"),
    "dinov3": (("dinov3",), "#5B1E84", "8", "-"),
    "dinov2": (("dinov2",), "#9355C4", "h", "--"),
    "dino": (("dino",), "#C2559D", "D", ":"),
    "ijepa": (("ijepa",), "#A08A00", "<", "-."),
    "beit2": (("beitv2",), "#D9534A", "P", "--"),
    "beit": (("beit",), "#8F3B1B", "v", "-"),
    "supervised": (("supervised", "deit", "augreg"), "#1A1A1A", "*", "--"),
}
OTHERS: tuple[Look, ...] = (
    ("#4C6B8A", "d", "-"),
    ("#7A8B3C", ">", "--"),
    ("#A3586D", "H", "-."),
    ("#5E5E9E", "X", ":"),
    ("#3F8C8C", "1", "-"),
)
"""For names of no known family; which one depends on the name alone, as long as models are not drawn together."""

SHADES = (0.0, 0.5, -0.45)  # towards white, or towards black: of further models of one family
MARKERS = "osv^DPX*hd<>pH8"
LINES = ("-", "--", "-.", ":")

_together: ContextVar[Mapping[str, Look]] = ContextVar("_together", default=MappingProxyType({}))


def style(model_name: str) -> dict[str, str]:
    """How a model is drawn in every figure: colour, marker, line and the name for the legend.

    Families differ in marker and line too, so that figures read without colour. Sizes of a family and its
    miniature share all but the label; where two of them meet in one figure, draw it within `together`, or give one
    of them another line: `depth_curve(..., model="mini-moco", linestyle=":")`.

    Args:
        model_name: alias, registry name, timm name or path of a checkpoint, letters of either case. Of a path the
            last part that names a family counts: `runs/mae/checkpoint.pth` looks like MAE.
    Returns:
        Keywords for matplotlib's `plot`: color, marker, linestyle, label.

    >>> style("mini-moco")["color"] == style("vit_base_patch16_224.mocov3")["color"]
    True
    """
    color, marker, linestyle = _together.get().get(model_name) or _look(model_name)
    return {"color": color, "marker": marker, "linestyle": linestyle, "label": model_name}


@contextlib.contextmanager
def together(model_names: Iterable[str]) -> Iterator[None]:
    """Within it no two of these models look alike: of one family, later ones have another shade, marker and line.

    Holds for the thread and the `with` alone, as matplotlib's `rc_context` does.

    Args:
        model_names: of the models of one figure; who looks as always depends on their order.

    >>> with together(["mini-mae", "mae"]):
    ...     style("mini-mae")["marker"], style("mae")["marker"]
    ('^', 'D')
    """
    before = _together.set(_distinct(model_names))
    try:
        yield
    finally:
        _together.reset(before)


def _distinct(names: Iterable[str]) -> dict[str, Look]:
    """A look for each name, none of them twice."""
    taken: Counter[Look] = Counter()
    looks = {}
    for name in dict.fromkeys(names):
        own = _look(name)
        if own in OTHERS:
            first = OTHERS.index(own)
            own = next((look for look in (*OTHERS[first:], *OTHERS[:first]) if not taken[look]), own)
        looks[name] = _variant(own, taken[own])
        taken[own] += 1
    return looks


def _variant(look: Look, number: int) -> Look:
    """The look itself as number 0; shades, lines and markers return at different numbers, so that 60 of them differ."""
    color, marker, line = look
    if number == 0:
        return look
    markers = MARKERS.replace(marker, "")
    return (
        _shade(color, SHADES[number % len(SHADES)]),
        markers[(MARKERS.find(marker) + number - 1) % len(markers)],
        LINES[(LINES.index(line) + number) % len(LINES)],
    )


def _shade(color: str, towards: float) -> str:
    """The colour mixed with that share of white, below 0 of black."""
    end = 1.0 if towards > 0 else 0.0
    red, green, blue = (part + abs(towards) * (end - part) for part in to_rgb(color))
    return to_hex((red, green, blue))


def _look(name: str) -> Look:
    for part in reversed(PurePath(name.lower()).parts):
        for words, *look in FAMILIES.values():
            if any(word in part for word in words):
                return look[0], look[1], look[2]
    return OTHERS[crc32(name.encode()) % len(OTHERS)]
