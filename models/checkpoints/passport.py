"""The passport of a checkpoint: what it is, what of it is used, and what is left out and why."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from ..weights.registry import REGISTRY
from .blueprint import Sizes, sizes
from .card import Card, card_of, keys_of
from .checkpoint import read_checkpoint, sha256
from .heads import plausible_heads
from .reading import Reading, recognised

MINI = "mini"
UNKNOWN = "ViT"
"""Title of weights whose keys do not prove who trained them."""
PACKAGED_HASHES = frozenset(weights.sha256 for weights in REGISTRY.values() if weights.packaged)
"""Of the files of the miniatures, which are these wherever they lie."""


@dataclasses.dataclass(frozen=True)
class Passport:
    """What is known of the weights in a file.

    Attributes:
        path: the file; None for weights that timm keeps in its own cache, or for none at all.
        family, title: short name and the name for a figure.
        format: kind of file within the family.
        part: set of weights that is loaded.
        dim, depth: width of the residual stream and number of blocks.
        heads: number of heads; None where neither the shapes nor the published sizes tell it.
        head_choices: numbers of heads that these sizes allow.
        patch_size: (height, width) in pixels.
        grid: (rows, columns) of the patch grid; None where the file does not tell.
        prefix: tokens in front of the patches.
        classes: outputs of the classifier, 0 without one.
        used: the model's name of each weight by the file's key.
        renamed: those of them that change by more than a prefix.
        dropped: why a key is not loaded, by the file's key; [name] is a whole entry of the outermost dict.
        saw_labels: whether labels touched the weights; None where nothing tells.
        licence: of the published weights, None where not known.
        sha256: of the file, 64 hexadecimal digits.
        bytes: size of the file.
        note: what to know of such files.
    """

    path: Path | None
    family: str
    title: str
    format: str
    part: str
    dim: int
    depth: int
    heads: int | None
    head_choices: tuple[int, ...]
    patch_size: tuple[int, int]
    grid: tuple[int, int] | None
    prefix: int
    classes: int
    used: Mapping[str, str] = dataclasses.field(repr=False)
    renamed: Mapping[str, str] = dataclasses.field(repr=False)
    dropped: Mapping[str, str] = dataclasses.field(repr=False)
    saw_labels: bool | None
    licence: str | None
    sha256: str | None
    bytes: int | None
    note: str = ""

    def __str__(self) -> str:
        return "\n".join(f"{name:<10} {text}" for name, text in self._lines() if text)

    def _lines(self) -> list[tuple[str, str]]:
        heads = f"{self.heads} heads" if self.heads else f"heads unknown (one of {_listed(self.head_choices)})"
        grid = "grid unknown" if self.grid is None else f"grid {self.grid[0]} x {self.grid[1]}"
        patch = f"{self.patch_size[0]} x {self.patch_size[1]} px"
        classes = f", {self.classes} classes" if self.classes else ""
        labels = {True: "yes", False: "no", None: "unknown"}[self.saw_labels]
        return [
            ("file", "" if self.path is None else f"{self.path} ({self.bytes or 0:,} bytes)"),
            ("sha256", self.sha256 or ""),
            ("family", f"{self.title} ({self.family}), {self.format}, part {self.part}"),
            ("sizes", f"dim {self.dim}, depth {self.depth}, {heads}"),
            ("tokens", f"{self.prefix} prefix, {grid}, patches {patch}{classes}"),
            ("labels", labels),
            ("licence", self.licence or "unknown"),
            ("used", f"{len(self.used)} weights" if self.used else ""),
            *_grouped("renamed", [f"{key} -> {name}" for key, name in self.renamed.items()]),
            *_by_reason(self.dropped),
            ("note", self.note),
        ]


def inspect_checkpoint(path: str | os.PathLike[str], *, family: str | None = None, part: str | None = None) -> Passport:
    """The passport of a checkpoint file; nothing in the file is run and no model is built.

    A card beside the file, as the miniatures have it, or this project's own entry in it is believed, as `load_model`
    believes it.

    Args:
        path: the file; its name does not matter.
        family: where its keys do not tell the family.
        part: set of weights, where it holds several (momentum_encoder, student, ...).
    Raises:
        OSError: the file cannot be opened.
        ValueError: it is no checkpoint, or of no known family.
    """
    checkpoint = read_checkpoint(path)
    card = card_of(checkpoint)
    reading = recognised(checkpoint, family=family or keys_of(card), part=part)
    return passport(reading, checkpoint.path, sizes(reading.state, file=str(path)), card=card)


def passport(
    reading: Reading, path: Path, size: Sizes, *, heads: int | None = None, card: Card | None = None
) -> Passport:
    """The passport of a checkpoint that has been understood.

    Args:
        reading: its weights.
        path: the file.
        size: its sizes.
        heads: number of heads where it was decided; None looks it up.
        card: beside the file or in it; it knows more than the keys of the weights.
    """
    known = _of_keys(reading, path, size, heads)
    known = known if card is None else _with_card(known, card, heads or size.heads)
    return dataclasses.replace(known, family=MINI) if known.sha256 in PACKAGED_HASHES else known


def _with_card(known: Passport, card: Card, heads: int | None) -> Passport:
    """The passport with what its card knows; `heads` are those that are surer than the card's."""
    return dataclasses.replace(
        known,
        family=card.family or known.family,
        title=card.name if card.beside else known.title,
        heads=heads or card.num_heads,
        saw_labels=card.saw_labels if card.beside else known.saw_labels,
        licence=card.licence,
        note=card.note,
    )


def _of_keys(reading: Reading, path: Path, size: Sizes, heads: int | None) -> Passport:
    """The passport as far as the file's own keys and shapes tell."""
    return Passport(
        path=path,
        family=reading.family.name,
        title=reading.family.title if reading.format.proven else UNKNOWN,
        format=reading.format.name,
        part=reading.part.name,
        dim=size.dim,
        depth=size.depth,
        heads=heads or size.heads or reading.family.heads.get((size.dim, size.depth)),
        head_choices=tuple(plausible_heads(size.dim)),
        patch_size=size.patch_size,
        grid=size.grid,
        prefix=size.class_tokens + size.registers,
        classes=size.classes,
        used=reading.used,
        renamed=reading.renamed,
        dropped=reading.dropped,
        saw_labels=reading.format.saw_labels,
        licence=reading.family.licence if reading.format.proven else None,
        sha256=sha256(path),
        bytes=path.stat().st_size,
        note=reading.format.note,
    )


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _grouped(name: str, items: list[str], shown: int = 4) -> list[tuple[str, str]]:
    rest = [f"... {len(items) - shown} more"] if len(items) > shown else []
    return [(name if index == 0 else "", text) for index, text in enumerate([*items[:shown], *rest])]


def _by_reason(dropped: Mapping[str, str]) -> list[tuple[str, str]]:
    """One line for each reason: how many keys and the first of them."""
    groups: dict[str, list[str]] = {}
    for key, reason in dropped.items():
        groups.setdefault(reason, []).append(key)
    lines = [
        f"{reason}: {keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
        for reason, keys in groups.items()
    ]
    return [("dropped" if index == 0 else "", line) for index, line in enumerate(lines)]
