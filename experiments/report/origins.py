"""Where the numbers of a report come from: passports of the models, and each run's images, arithmetic, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from .gathering import Run
from .markup import defined, element, folded, section
from .shortening import short_command, short_path, short_paths

MINUTE = 16  # characters of a date in ISO format, to the minute
SIZES = {"depth": "blocks", "heads": "heads", "dim": "channels"}


def models(runs: Sequence[Run]) -> Element | None:
    """The passport of every model; None without any."""
    known: dict[tuple[str, str], tuple[dict[str, Any], list[str]]] = {}
    for run in runs:
        for name, passport in run.manifest.get("models", {}).items():
            entry = known.setdefault((name, str(passport.get("parameters_sha256"))), (passport, []))
            entry[1].append(run.name)
    if not known:
        return None
    made = [
        folded(f"{name}: {passport.get('title', '')}", _passport(passport, used))
        for (name, _), (passport, used) in known.items()
    ]
    return section("models", "Models", *made)


def provenance(runs: Sequence[Run]) -> Element:
    """Of every run: command, images, arithmetic, options, versions."""
    return section("provenance", "Where the numbers come from", *(_origin(run) for run in runs))


def images_of(run: Run) -> str | None:
    """How many images, of what; None for stored results."""
    images = run.manifest.get("images")
    if not images:
        return None
    return f"{images['count']} {'image' if images['count'] == 1 else 'images'} of {short_path(str(images['where']))}"


def command_line(command: str) -> Element:
    """A command, with its paths shortened, that breaks only between words."""
    words = (element("span", word) for word in short_command(command).split(" "))
    return element("code", *(part for word in words for part in (word, " ")))


def minute(run: Run) -> str:
    """When a run was made, to the minute, in UTC."""
    return str(run.manifest.get("created", "?"))[:MINUTE].replace("T", " ")


def _passport(passport: Mapping[str, Any], used: Sequence[str]) -> Element:
    labels = {True: "yes", False: "no", None: "not known"}[passport.get("saw_labels")]
    sizes = [f"{passport[key]} {word}" for key, word in SIZES.items() if passport.get(key) is not None]
    return defined(
        [
            ("family", str(passport.get("family"))),
            ("size", ", ".join(sizes) or None),
            ("patches", _by(passport.get("grid"), "patches", passport.get("patch_size"))),
            ("saw labels", labels),
            ("licence", str(passport.get("licence") or "not known")),
            ("file", short_path(passport["path"]) if passport.get("path") else None),
            ("sha256 of the file", _hash(passport.get("sha256"))),
            ("sha256 of the weights used", _hash(passport.get("parameters_sha256"))),
            ("note", short_paths(passport["note"]) if passport.get("note") else None),
            ("in", ", ".join(dict.fromkeys(used))),
        ]
    )


def _by(grid: Any, word: str, size: Any) -> str | None:
    if not grid or not size:
        return None
    return f"{grid[0]} x {grid[1]} {word} of {size[0]} x {size[1]} px"


def _origin(run: Run) -> Element:
    known = run.manifest
    images, arithmetic, options = (known.get(field, {}) for field in ("images", "arithmetic", "options"))
    versions = ", ".join(f"{name} {version}" for name, version in known.get("versions", {}).items())
    broken = images.get("broken") or ()
    return folded(
        f"{run.name}, {minute(run)} UTC",
        defined(
            [
                ("command", command_line(str(known.get("command", "")))),
                ("images", images_of(run)),
                ("digest of the images", _hash(images.get("digest"))),
                ("broken images", ", ".join(short_paths(str(name)) for name, _ in broken) or None),
                ("device", _text(arithmetic.get("device"))),
                ("dtype", _text(arithmetic.get("dtype"))),
                ("attention", _text(arithmetic.get("attention"))),
                ("TF32", {True: "on", False: "off"}.get(arithmetic.get("tf32"))),
                ("convention", _text(options.get("convention"))),
                ("seed", _text(options.get("seed")) or "none given"),
                ("versions", versions or None),
            ]
        ),
    )


def _text(value: Any) -> str | None:
    return None if value is None or value == "None" else str(value)


def _hash(digits: Any) -> Element | None:
    return None if not digits else element("code", str(digits))
