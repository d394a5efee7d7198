"""`python -m experiments report`: results and the attention explorer as one page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from study.atomic import replacing

from . import sections
from .claims_table import claims
from .gathering import Run, gathered, loadable, model_names
from .markup import element
from .origins import models, provenance
from .page import page
from .pictures import WIDEST, figure_file, figures_within
from .shortening import short_path

if TYPE_CHECKING:
    from .explorer import Explorer

IMAGES = 4
FIGURES = 0.5  # share of the limit that figures may take
FAVOURITES = ("astronaut.png", "chelsea.png", "coffee.png", "flower.jpg")
"""Of the packaged photographs: those with one thing to look at."""


def run_report(options: argparse.Namespace, command: str) -> None:
    """Make the page, write it and tell of it.

    Args:
        options: results, models, num_heads, data, images, device, limit_mb, title, out, overwrite.
        command: as it was typed.
    Raises:
        OSError, ValueError: results, models or images are not there; the page would be too large or cannot be written.
    """
    if options.images is not None and options.images < 1:
        raise ValueError(f"--images {options.images}: expected at least 1")
    if not options.limit_mb > 0:
        raise ValueError(f"--limit-mb {options.limit_mb:g}: expected more than 0")
    out = _writable(options.out.expanduser(), overwrite=options.overwrite)
    limit = int(options.limit_mb * 1e6)
    runs, passed_over = gathered(options.results)
    names = list(loadable(runs).values()) if options.models is None else options.models
    text, explorer = _page(runs, names, options, command, limit)
    with replacing(out) as part:
        part.write_text(text, encoding="utf-8")
    print("\n".join(passed_over), file=sys.stderr, end="\n" if passed_over else "")
    print("\n".join(explorer.remarks if explorer else ["Without models there is no attention explorer in it."]))
    print(f"{out} ({len(text.encode()) / 1e6:.1f} MB, {len(runs)} results)")


def _page(
    runs: list[Run], names: list[str], options: argparse.Namespace, command: str, limit: int
) -> tuple[str, Explorer | None]:
    """The page and its explorer; everything else has its place first, the explorer takes what is left."""
    drawn = [run for run in runs if not run.claims]
    pictures, width = figures_within({str(run.folder): figure_file(run) for run in drawn}, int(limit * FIGURES))
    shown = [short_path(name) for name in model_names(runs) or names]
    title = options.title or sections.title_of(shown)

    def whole(explorer: Explorer | None) -> str:
        parts = [
            claims(runs),
            sections.explorer(explorer.remarks) if explorer else None,
            sections.figures(drawn, pictures, width, cut=width < WIDEST),
            models(runs),
            provenance(runs),
        ]
        main = [part for part in parts if part is not None]
        head = [sections.head(title, runs, shown, command), sections.contents(main)]
        return page(title, _body(head, main), explorer.data if explorer else None)

    rest = whole(None)
    left = limit - len(rest.encode()) - 10_000  # for the explorer's remarks and controls
    explorer = _explorer(names, options, left) if names else None
    text = whole(explorer) if explorer else rest
    if len(text.encode()) > limit:
        raise ValueError(f"the page takes {len(text.encode()) / 1e6:.2f} MB: raise --limit-mb {options.limit_mb:g}")
    return text, explorer


def _body(head: list[Element], main: list[Element]) -> Element:
    return element("body", *head, element("main", *main))


def _explorer(names: list[str], options: argparse.Namespace, limit: int) -> Explorer:
    from study.data import open_images
    from study.device import device_of
    from study.loading import loaded_models

    from .explorer import explorer_of

    device = device_of(options.device)
    loaded = loaded_models(names, options.num_heads)
    favourites = FAVOURITES if options.data == "sample" and options.images is None else ()
    images = open_images(options.data, limit=None if favourites else options.images or IMAGES)
    numbers = [images.names.index(name) for name in favourites] or range(len(images))
    photographs = {images.names[number]: images[number] for number in numbers}
    return explorer_of(loaded, photographs, device=device, limit=limit)


def _writable(out: Path, *, overwrite: bool) -> Path:
    """The file, if it can be written.

    Raises:
        OSError: it is there already, or its folder is not.
    """
    if out.is_dir():
        raise OSError(f"--out {out} is a folder; expected the file of the page, for example {out / 'report.html'}")
    if out.exists() and not overwrite:
        raise OSError(f"--out {out} is there already: choose another file, or --overwrite to replace it")
    if not out.parent.is_dir():
        raise OSError(f"--out {out}: there is no folder {out.parent}")
    return out
