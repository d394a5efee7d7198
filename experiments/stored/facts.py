"""Where stored results come from, in the words and numbers that a figure and its manifest say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .results import Source, Stored, registered
from .words import unlike

HASHES = {"sha256": "files", "parameters_sha256": "weights"}
"""What tells weights from others, the surer first: that of the file does not depend on the precision of a run."""


def stored_facts(*found: Stored) -> dict[str, Any]:
    """Facts of one figure: test images, classes, layouts of the models, sources, and what the reader must know.

    Args:
        found: results that the figure is drawn from; models without any are told in the notes, and so are those of one
            kind that are of other test images or recipes than the rest; figures say the latter too, as `differing`.
    Raises:
        ValueError: the results are of other weights than the named model has, or than those of another folder.
    """
    sources = list({source.name: source for one in found for source in one.sources}.values())
    names = list(dict.fromkeys(name for one in found for name in one.rows["model"]))
    passports = {name: known for name in names for _, known in weights_of(sources, name)}
    for name in names:
        _same_weights(name, sources)
    differing = [*_differing(found), *(text for one in found for text in unlike(one.rows))]
    tested = [source.tested() for source in sources]
    return {
        "images": max((part["images"] for part in tested), default=0),
        "data": ", ".join(dict.fromkeys(part["where"] for part in tested)),
        "classes": next((count for source in sources if (count := source.classes())), None),
        "layouts": {name: _layout(known) for name, known in passports.items()},
        "methods": {name: known["title"] for name, known in passports.items()},
        "miniatures": [name for name, known in passports.items() if known["family"] == "mini"],
        "sources": [_account(source, names) for source in sources],
        "differing": differing,
        "notes": [*_left_out(found), *differing],
    }


def weights_of(sources: Sequence[Source], name: str) -> Iterator[tuple[Source, Mapping[str, Any]]]:
    """Passports of a model by the folder that knows it, by this name or an alias of it."""
    for source in sources:
        for other, known in source.weights().items():
            if registered(other) == registered(name):
                yield source, known


def _same_weights(name: str, sources: Sequence[Source]) -> None:
    """Raise ValueError where a model's results are of different weights, or of others than it has in this project."""
    seen = [(source.name, known) for source, known in weights_of(sources, name) if _comparable(source)]
    others = [*((f"of {place}", known) for place, known in seen), *_own(name)]
    for place, known in seen:
        for where, other in others:
            kind = next((kind for kind in HASHES if known.get(kind) and other.get(kind)), None)
            if kind is not None and known[kind] != other[kind]:
                raise ValueError(
                    f"{place}: {name} has other {HASHES[kind]} (sha256 {known[kind][:12]}) than {name} {where} "
                    f"({other[kind][:12]}): name results of one set of weights with --probing, or probe again"
                )


def _comparable(source: Source) -> bool:
    """Whether the hash of the parameters is that of the weights as they are in their file."""
    return source.manifest.get("arithmetic", {}).get("dtype", "float32") == "float32"


def _own(name: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The weights that this project has of a name: its own models', and files'; others would have to be fetched."""
    from models import inspect_checkpoint, load_model
    from study.model_set import is_packaged
    from study.provenance import weights

    if is_packaged(name):
        return [("as it comes with the project", weights(load_model(name)))]
    return [("as its file is now", {"sha256": inspect_checkpoint(name).sha256})] if Path(name).is_file() else []


def _layout(known: Mapping[str, Any]) -> dict[str, Any]:
    return {key: known.get(key) for key in ("grid", "patch_size", "depth")}


def _account(source: Source, names: Sequence[str]) -> dict[str, Any]:
    """One folder for the manifest of the figure."""
    hashes = {
        name: {kind: known.get(kind) for kind in HASHES}
        for name in names
        for where, known in weights_of([source], name)
        if where is source
    }
    return {
        "folder": source.name,
        "command": source.manifest.get("command"),
        "created": source.manifest.get("created"),
        "tested": source.tested(),
        "weights": hashes,
        "versions": source.manifest.get("versions"),
    }


def _left_out(found: Sequence[Stored]) -> list[str]:
    return list(dict.fromkeys(text for one in found for name, text in one.missing.items() if name))


def _differing(found: Sequence[Stored]) -> list[str]:
    """What of one kind of result is not alike between its folders."""
    notes = []
    for one in found:
        digests = {source.tested()["digest"]: source for source in one.sources}
        if len(digests) > 1:
            places = " and ".join(
                f"{source.tested()['images']} of {source.tested()['where']} ({source.name})"
                for source in digests.values()
            )
            notes.append(f"The models were not tested on the same images: {places}.")
    return notes
