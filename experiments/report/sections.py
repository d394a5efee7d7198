"""Head, explorer and figures of a report."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from ..catalogue import EXPERIMENTS, experiment
from .gathering import Run
from .markup import defined, element, folded, listed, prose, section
from .origins import command_line, images_of, minute
from .pictures import data_address, shown_size
from .shortening import short_paths

NAMED = 3  # models in a title


def head(title: str, runs: Sequence[Run], models: Sequence[str], command: str) -> Element:
    """What the report is of, and its contents."""
    dates = sorted(minute(run) for run in runs)
    span = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    images = dict.fromkeys(images_of(run) for run in runs)
    facts = [
        ("Models", ", ".join(models) or None),
        ("Images", "; ".join(said for said in images if said) or None),
        ("Measured", f"{span} UTC"),
        ("This page", command_line(command)),
    ]
    return element("header", element("p", "vit-anatomy report", class_="eyebrow"), element("h1", title), defined(facts))


def contents(parts: Sequence[Element]) -> Element:
    """Links to the sections."""
    links = [element("a", part.findtext("h2") or "", href=f"#{part.get('id')}") for part in parts]
    return element("nav", listed(links), aria_label="Contents")


def explorer(remarks: Sequence[str]) -> Element:
    """The place that `explorer.js` fills."""
    hint = (
        "Point at a patch of a photograph, click or tap to keep it, or move it with the arrow keys; below stands where "
        "each head looks from there. All models are asked at the same place of the image and the same share of their "
        "depth. Each map has its own scale, from 0 to its largest value, which stands below it."
    )
    without = element("noscript", element("p", "The explorer needs JavaScript, which is switched off here."))
    notes = folded("How exact this is, and what was left out", listed(remarks))
    return section("explorer", "Where every head looks", element("p", hint), without, _stage(), notes)


def figures(runs: Sequence[Run], pictures: Mapping[str, bytes], width: int, cut: bool) -> Element | None:
    """All figures; None without any."""
    if not runs:
        return None
    note = element("p", f"To stay small the page shows figures at most {width} pixels wide.") if cut else None
    names = [run.name for run in runs]
    labels = [run.name if names.count(run.name) == 1 else f"{run.name} ({run.folder.name})" for run in runs]
    links = [element("a", label, href=f"#{anchor(number)}") for number, label in enumerate(labels)]
    index = element("nav", listed(links), aria_label="Figures")
    made = [_figure(run, pictures[str(run.folder)], anchor(number)) for number, run in enumerate(runs)]
    return section("figures", "Figures", index, note, *made)


def title_of(models: Sequence[str]) -> str:
    """A title that names the models, of many the first.

    >>> title_of(["moco", "simmim"]), title_of(["moco", "simmim", "mae", "dino"])
    ('moco and simmim', 'moco, simmim and 2 other models')
    """
    if not models:
        return "Results of experiments"
    named = list(models) if len(models) <= NAMED else [*models[:2], f"{len(models) - 2} other models"]
    return " and ".join([", ".join(named[:-1]), named[-1]] if named[:-1] else named)


def anchor(number: int) -> str:
    """The id of a figure in the page."""
    return f"figure-{number}"


def _stage() -> Element:
    """Controls and panels, empty until the script fills them."""
    return element(
        "div",
        element("form", id="controls", aria_label="What the explorer shows"),
        element("output", id="said", aria_live="polite"),
        element("div", id="panels"),
        id="stage",
        hidden="hidden",
    )


def _figure(run: Run, picture: bytes, name: str) -> Element:
    title, claim, rest = _words(run.name)
    shown = [title, ", ".join(run.manifest.get("models", ())), images_of(run)]
    alt = "; ".join(part for part in shown if part)
    image = element("img", src=data_address(picture, "png"), alt=alt, **shown_size(picture))
    button = element("button", image, type="button", class_="zoom", aria_pressed="false", title="Enlarge or shrink")
    return element(
        "article",
        element("h3", title, id=f"{name}-heading"),
        *map(prose, claim),
        element("figure", button, element("figcaption", run.name, " · ", images_of(run) or "stored results")),
        listed(prose(short_paths(str(note)), "span") for note in run.manifest.get("facts", {}).get("notes", ())),
        folded("The papers’ numbers and the source", *map(prose, rest)) if rest else None,
        element("pre", command_line(str(run.manifest.get("command", "")))),
        id=name,
        aria_labelledby=f"{name}-heading",
    )


def _words(name: str) -> tuple[str, list[str], list[str]]:
    """Title, claim and all other paragraphs of an experiment's docstring."""
    if name not in EXPERIMENTS:
        return name, [], []
    text = inspect.cleandoc(experiment(name).__doc__ or name)
    first, *others = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    claim = [paragraph for paragraph in others if paragraph.startswith("Claim")][:1]
    return first, claim, [paragraph for paragraph in others if paragraph not in claim]
