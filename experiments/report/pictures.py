"""Pictures as text in the page: figures as small PNG, photographs as JPEG."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ..drawing import RESOLUTION, draw_folder
from .gathering import Run

WIDEST = 1800  # pixels: twice the width of the page's column
NARROWEST = 600  # pixels, below which labels cannot be read
STEP = 0.85
COLOURS = 256
LOST = 1.5  # mean error, in levels of 255, up to which a palette may stand for all colours
QUALITY = 85  # of JPEG
SCREEN = 96  # dots per inch, as CSS counts them


def figure_file(run: Run) -> Path:
    """The PNG of a run; drawn from its tables where it is not there.

    Raises:
        OSError, ValueError: it cannot be drawn.
    """
    file = run.folder / f"{run.name}.png"
    return file if file.is_file() else draw_folder(run.folder)[0]


def figures_within(files: Mapping[str, Path], limit: int) -> tuple[dict[str, bytes], int]:
    """Figures as PNG that take at most `limit` bytes together, and the width in pixels that they had to be cut to.

    Raises:
        ValueError: they take more even at the smallest width at which they can be read.
    """
    width, made = WIDEST, {}
    while width >= NARROWEST:
        made = {name: figure_png(file, width) for name, file in files.items()}
        if sum(map(len, made.values())) <= limit:
            return made, width
        width = int(width * STEP)
    needed = sum(map(len, made.values())) / 1e6
    raise ValueError(
        f"{len(files)} figures take {needed:.1f} MB at the least, and half of --limit-mb leaves {limit / 1e6:.1f} MB: "
        "raise --limit-mb, or report fewer results"
    )


def figure_png(file: Path, width: int) -> bytes:
    """A figure as PNG of at most `width` pixels; with a palette where nobody sees the difference."""
    with Image.open(file) as opened:
        figure = _on_white(opened)
    if figure.width > width:
        figure = figure.resize((width, round(figure.height * width / figure.width)), Image.Resampling.LANCZOS)
    few = figure.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    lost = np.abs(np.asarray(few.convert("RGB"), dtype=int) - np.asarray(figure, dtype=int)).mean()
    content = io.BytesIO()
    (few if lost <= LOST else figure).save(content, format="PNG", optimize=True)
    return content.getvalue()


def data_address(content: bytes, kind: str) -> str:
    """A picture as the address of an image element; kind is png or jpeg."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def shown_size(content: bytes) -> dict[str, str]:
    """Width and height at which a figure is shown, as attributes: letters have the same size in all figures."""
    with Image.open(io.BytesIO(content)) as opened:
        sides = {"width": opened.width, "height": opened.height}
    return {name: str(round(side * SCREEN / RESOLUTION)) for name, side in sides.items()}


def jpeg(pixels: np.ndarray) -> bytes:
    """A photograph (height width 3), uint8, as JPEG."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="JPEG", quality=QUALITY, optimize=True)
    return content.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
