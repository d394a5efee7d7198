"""Tell which family a checkpoint belongs to, and take its weights out by that family's rules."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from .checkpoint import Checkpoint
from .families import FAMILIES, Family, Format, Part

State = dict[str, torch.Tensor]

# Entries of the outermost dict that training scripts write beside the weights.
TRAINING_STATE = {
    *("optimizer", "opt", "scaler", "amp_scaler", "fp16_scaler", "amp", "lr_scheduler", "lr"),
    *("epoch", "args", "config", "arch", "version", "batch_size", "world_size", "predictor"),
    *("metric", "loss", "best_acc1", "max_accuracy", "dino_loss", "ibot_loss", "vit_anatomy"),
}

# Checkpoints of the same authors that are no plain ViT, by a key that only they have.
STRANGERS = (
    (r".*layers\.0\.blocks\.0\..*", "it is a Swin Transformer, whose attention stays inside windows"),
    (r".*layer1\.0\.conv1\.weight", "it is a ResNet, which has no attention"),
    (r".*blocks\.0\.attn\.temperature", "it is an XCiT, whose attention runs between channels"),
    (r"mask_token|register_tokens", "it is a file of DINOv2's own code: timm hosts these weights by name"),
    (r"module\.linear\.(weight|bias)", "it is a linear head without its backbone"),
    (r".*encoder\.layer\.0\.attention\..*", "its keys are those of transformers: load it with that library"),
)


@dataclasses.dataclass(frozen=True)
class Reading:
    """A checkpoint understood.

    Attributes:
        family, format, part: what was recognised.
        state: the weights under timm's names.
        used: the model's name of each weight by the file's key.
        dropped: why a key is not loaded, by the file's key.
    """

    family: Family
    format: Format
    part: Part
    state: State
    used: Mapping[str, str]
    dropped: Mapping[str, str]

    @property
    def renamed(self) -> dict[str, str]:
        """Keys of the file that change by more than a prefix, with the name that they get."""
        return {key: name for key, name in self.used.items() if not key.endswith(name)}


def recognised(checkpoint: Checkpoint, *, family: str | None = None, part: str | None = None) -> Reading:
    """The weights of a checkpoint under timm's names.

    Args:
        checkpoint: as read.
        family: name of the family, where the file's keys do not tell it; None finds it.
        part: name of the set of weights, where a file holds several; None takes what the authors evaluate.
    Raises:
        ValueError: no family has such keys, or the file holds keys that no rule of its family names.
    """
    if family is not None and family not in FAMILIES:
        raise ValueError(f"family={family!r} is not known; expected one of {', '.join(FAMILIES)}")
    families = FAMILIES.values() if family is None else (FAMILIES[family],)
    for candidate in families:
        for format in candidate.formats:
            if _fits(checkpoint, format, named=family is not None):
                return _reading(checkpoint, candidate, format, part)
    raise ValueError(_unknown(checkpoint, family))


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a part lies in a file: the entry, the prefix of its keys, and the tensors of the entry."""

    entry: str
    prefix: str
    tensors: State


def _located(checkpoint: Checkpoint, part: Part) -> _Place | None:
    """Where the file holds a part; None when it does not."""
    for entry in part.entries:
        state = checkpoint.payload if entry == "" else checkpoint.payload.get(entry)
        if not isinstance(state, Mapping):
            continue
        tensors = {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
        for prefix in part.prefixes:
            if any(key.startswith(f"{prefix}patch_embed.proj") for key in tensors):
                return _Place(entry, prefix, tensors)
    return None


def _fits(checkpoint: Checkpoint, format: Format, *, named: bool) -> bool:
    place = _located(checkpoint, format.parts[0])
    if place is None:
        return False
    names = [key.removeprefix(place.prefix) for key in place.tensors]
    packed = "container:safetensors" if checkpoint.container == "safetensors" else "container:torch"
    traces = [*names, packed, *(checkpoint.payload if place.entry else ())]
    return (
        all(_any_match(mark, names) for mark in format.marks)
        and not any(_any_match(mark, names) for mark in format.absent)
        and (named or all(_any_match(trace, traces) for trace in format.evidence))
    )


def _any_match(pattern: str, names: Iterable[str]) -> bool:
    expression = re.compile(pattern)
    return any(expression.fullmatch(name) for name in names)


def _chosen(checkpoint: Checkpoint, format: Format, name: str | None) -> tuple[Part, _Place]:
    """The part that the caller named, or the first one of the file."""
    places = {part: _located(checkpoint, part) for part in format.parts}
    held = {part.name: (part, place) for part, place in places.items() if place is not None}
    if name is not None and name not in held:
        raise ValueError(
            f"{checkpoint.path}: part={name!r} is not in this {format.name} file; it holds {', '.join(held)}"
        )
    return next(iter(held.values())) if name is None else held[name]


def _reading(checkpoint: Checkpoint, family: Family, format: Format, wanted: str | None) -> Reading:
    """Sort every key of the file into used and dropped."""
    part, place = _chosen(checkpoint, format, wanted)
    others = [other for other in format.parts if other is not part]
    dropped = _dropped_entries(checkpoint, place.entry, others) if place.entry else {}
    used: dict[str, str] = {}
    unnamed: list[str] = []
    for key in place.tensors:
        reason = _reason(key, place.entry, format, others)
        if reason is not None:
            dropped[key] = reason
        elif key.startswith(place.prefix):
            used[key] = _renamed(key.removeprefix(place.prefix), format)
        else:
            unnamed.append(key)
    if unnamed:
        raise ValueError(
            f"{checkpoint.path}: looks like {family.title} ({format.name}), but no rule names these keys: "
            f"{some(unnamed)}; the file is of a variant that is not known"
        )
    state = {name: place.tensors[key] for key, name in used.items()}
    return Reading(family, format, part, state, used, dropped)


def _reason(key: str, entry: str, format: Format, others: Iterable[Part]) -> str | None:
    """Why a key is dropped, None when it is not."""
    for drop in format.drops:
        if re.fullmatch(drop.pattern, key):
            return drop.reason
    for other in others:
        if entry in other.entries and any(prefix and key.startswith(prefix) for prefix in other.prefixes):
            return f"another part; part={other.name!r} loads it"
    return None


def _renamed(name: str, format: Format) -> str:
    for pattern, replacement in format.renames:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, replacement, name)
    return name


def _dropped_entries(checkpoint: Checkpoint, entry: str, others: Iterable[Part]) -> dict[str, str]:
    """Entries of the outermost dict beside the one in use, each with the reason why it is left."""
    owners = {name: other.name for other in others for name in other.entries}
    dropped: dict[str, str] = {}
    for name, value in checkpoint.payload.items():
        if name == entry:
            continue
        if name in TRAINING_STATE:
            dropped[f"[{name}]"] = "state of the training script"
        elif name in owners:
            dropped[f"[{name}]"] = f"another part; part={owners[name]!r} loads it"
        elif not any(True for _ in _tensors(value)):
            dropped[f"[{name}]"] = "holds no weights"
        else:
            raise ValueError(
                f"{checkpoint.path}: entry {name!r} holds tensors that no rule names, beside the weights in {entry!r}; "
                f"save the set that you mean alone, torch.save({{'model': file[{entry!r}]}}, path)"
            )
    return dropped


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor inside nested dicts, lists and tuples."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _tensors(inner)


def _unknown(checkpoint: Checkpoint, family: str | None) -> str:
    """The error for a file that no family claims."""
    keys = [
        inner
        for name, value in checkpoint.payload.items()
        for inner in ([name] if not isinstance(value, Mapping) else [name, *map(str, value)])
    ]
    for pattern, what in STRANGERS:
        if _any_match(pattern, keys):
            return f"{checkpoint.path}: not a plain ViT: {what}"
    if family is not None:
        wanted = "; or ".join(", ".join(format.marks) for format in FAMILIES[family].formats)
        return f"{checkpoint.path}: not a file of family={family!r}: its keys are {some(keys)}; expected {wanted}"
    hint = ""
    if _any_match(r"(.*\.)?rel_pos_bias\.relative_position_bias_table", keys):
        hint = "SimMIM and BEiT have such keys and differ in mean and std; "
    return (
        f"{checkpoint.path}: of no known family ({', '.join(FAMILIES)}): its keys are {some(keys)}; {hint}"
        "load_model(path, family=...) reads it as one that you know; or rename the keys to timm's and save them alone"
    )


def some(names: Iterable[str], shown: int = 5) -> str:
    """The first few names and how many there are."""
    names = list(names)
    listed = ", ".join(names[:shown])
    return listed if len(names) <= shown else f"{listed}, ... ({len(names)} in all)"
