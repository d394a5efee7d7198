"""One colour, marker and line for each family of models, the same in every figure."""

from pathlib import PurePath
from zlib import crc32

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
OTHERS = (
    ("#4C6B8A", "d", "-"),
    ("#7A8B3C", ">", "--"),
    ("#A3586D", "H", "-."),
    ("#5E5E9E", "X", ":"),
    ("#3F8C8C", "1", "-"),
)
"""For names of no known family; which one depends on the name alone."""


def style(model_name: str) -> dict[str, str]:
    """How a model is drawn in every figure: colour, marker, line and the name for the legend.

    Families differ in marker and line too, so that figures read without colour. Sizes of a family and its
    miniature share all but the label; where two of them meet in one panel, give one of them another line:
    `depth_curve(..., model="mini-moco", linestyle=":")`.

    Args:
        model_name: alias, registry name, timm name or path of a checkpoint, letters of either case.
    Returns:
        Keywords for matplotlib's `plot`: color, marker, linestyle, label.

    >>> style("mini-moco")["color"] == style("vit_base_patch16_224.mocov3")["color"]
    True
    """
    name = PurePath(model_name).name
    color, marker, linestyle = _look(name)
    return {"color": color, "marker": marker, "linestyle": linestyle, "label": name}


def _look(name: str) -> tuple[str, str, str]:
    lowered = name.lower()
    for words, *look in FAMILIES.values():
        if any(word in lowered for word in words):
            return look[0], look[1], look[2]
    return OTHERS[crc32(name.encode()) % len(OTHERS)]
