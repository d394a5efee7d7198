"""One colour, marker and line for each model, the same in every figure and readable without colour."""

import dataclasses
import re
import zlib
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")  # Okabe & Ito's
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)), (0, (1, 1)))
METHODS = ("moco", "simmim", "mae", "dino", "beit", "supervised", "random")
SPELLINGS = {"mocov3": "moco", "untrained": "random"}
MINIATURE = "mini"


@dataclasses.dataclass(frozen=True)
class ModelStyle:
    """How a model is drawn.

    Attributes:
        colour: of line, marker and band.
        marker: matplotlib's marker.
        line: matplotlib's line style.
        hollow: markers are not filled, as for the miniatures.
    """

    colour: str
    marker: str
    line: Any
    hollow: bool = False

    def line_options(self) -> dict[str, Any]:
        """Options of `Axes.plot`."""
        face = "white" if self.hollow else self.colour
        return {
            "color": self.colour,
            "marker": self.marker,
            "linestyle": self.line,
            "markerfacecolor": face,
            "markersize": 5,
            "linewidth": 1.6,
        }


def model_style(model: str) -> ModelStyle:
    """Style of a model: fixed for the methods of the papers, else drawn from the name, the same each time.

    Args:
        model: alias ("moco", "mini-simmim"), name with a tag ("vit_base_patch16_224.mae") or any other.

    >>> model_style("moco").marker, model_style("vit_base_patch16_224.mocov3").marker
    ('o', 'o')
    >>> model_style("mini-moco") == model_style("moco")
    False
    """
    tag = model.rsplit(".", 1)[-1].removeprefix(f"{MINIATURE}-")
    method = SPELLINGS.get(tag, tag)
    hollow = re.search(rf"\b{MINIATURE}[-_]|_{MINIATURE}_", model) is not None
    if method in METHODS:
        place = METHODS.index(method)
        return ModelStyle(COLOURS[place], MARKERS[place], LINES[place], hollow)
    number = zlib.crc32(model.encode())
    colour, marker, line = number % 7, number // 7 % 7, number // 49 % 7
    return ModelStyle(COLOURS[colour], MARKERS[marker], LINES[line], hollow)
