"""Results of `python -m probing` that experiments read: the rows of the models asked for, and what is missing."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from probing.table import COLUMNS, MANIFEST, TABLE, read_results
from study.record import read_manifest

from ..applicable import NotApplicable
from ..settings import DEFAULT_MODELS, Settings
from .trainings import BY_HAND, pasted, train

ROOT = Path(__file__).parents[2]
OWN = ROOT / "resources" / "results"
"""Results of the miniatures, trained and committed; read where the user names no others."""

ORDER = {
    f"mini-{name}": place for place, name in enumerate(("moco", "simmim", "mae", "hybrid", "supervised", "random"))
}
"""Of the miniatures in figures where the user names no models; others follow as the results have them."""

CELL = ["model", "layer", "pooling", "head", "metric"]
"""Columns that tell one number of a command from the others."""

SOURCE = "source"
"""Column that names the folder which a row comes from."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One folder of results.

    Attributes:
        name: of the folder, relative to the project or to where the command was typed.
        what: command of `python -m probing` that made them.
        table: as `probing.table` has it.
        manifest: beside it.
    """

    name: str
    what: str
    table: pd.DataFrame
    manifest: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Source:
        """Read a folder.

        Raises:
            OSError: table or manifest is missing.
            ValueError: they are of another version, or the manifest does not tell by which command.
        """
        manifest = read_manifest(folder / MANIFEST)
        return cls(shown(folder), _what(manifest, folder), read_results(folder), manifest)

    def weights(self) -> dict[str, dict[str, Any]]:
        """The passport of each model as the command saw it; of a fine-tuned one `parameters_sha256` is the start's."""
        if self.what == "finetune":
            known = {**self.manifest["fine_tuned"], "parameters_sha256": self.manifest["start"]["sha256"]}
            return {str(model): known for model in self.table["model"].unique()}
        return {name: known.get("weights", known) for name, known in self.manifest["models"].items()}

    def tested(self) -> dict[str, Any]:
        """Where the test images are, how many, and the hash of their list."""
        parts = self.manifest.get("images") or self.manifest["data"]
        part = parts["test"] if "test" in parts else parts["data"]
        count, digest = part.get("count", part.get("images")), part.get("digest", part.get("sha256"))
        return {"where": part["where"], "images": count, "digest": digest}

    def classes(self) -> int | None:
        """How many classes the test images have; None where the manifest does not tell."""
        if "classes" in self.manifest:
            return len(self.manifest["classes"])
        counts = {known.get("classes") for known in self.manifest["models"].values() if "weights" in known}
        named = self.manifest.get("images", {}).get("test", {}).get("classes")
        return len(named) if named else counts.pop() if len(counts) == 1 else None


@dataclasses.dataclass(frozen=True)
class Stored:
    """What was found of one command.

    Attributes:
        rows: columns of `probing.table` and `source`, in the order of the models asked for.
        sources: the folders that they come from.
        missing: what to do, by each model without rows.
    """

    rows: pd.DataFrame
    sources: tuple[Source, ...]
    missing: Mapping[str, str]

    def required(self) -> Stored:
        """Itself.

        Raises:
            NotApplicable: it has no rows; the text says which command makes them.
        """
        if self.rows.empty:
            raise NotApplicable("; ".join(dict.fromkeys(self.missing.values())))
        return self

    def beside(self, other: Stored) -> Stored:
        """Both, for a figure that compares the one with the other."""
        tables = [one.rows for one in (self, other) if not one.rows.empty]
        rows = pd.concat(tables, ignore_index=True) if tables else self.rows
        texts = {
            name: "; ".join(dict.fromkeys(one.missing[name] for one in (self, other) if name in one.missing))
            for name in {**self.missing, **other.missing}
        }
        return Stored(rows, (*self.sources, *other.sources), texts)


def stored(settings: Settings, what: str, *, heads: Collection[str] | None = None, metrics: str = "accuracy") -> Stored:
    """Rows of one command, of the models asked for or of all that the results know.

    Args:
        settings: of the run: models, folders, whether to train.
        what: command of `python -m probing`.
        heads: of the rows that are wanted; None for all.
        metrics: of the rows that are wanted, a regular expression for the whole name.
    Raises:
        NotApplicable: `--train`, but what is named has no labels.
        OSError: a folder that was named has no results.
        ValueError: two folders contradict each other, or a training ended with an error.
    """
    found = _read(_folders(settings), what, heads, metrics)
    asked = _asked(settings, found)
    if settings.train and what not in BY_HAND:
        without = {name: typed for name, typed in asked.items() if name not in set(found.rows["model"])}
        if without:
            made = train(settings, what, list(without.values()))
            found = _joined(found, _read(made, what, heads, metrics))
    found = _of_models(found, list(asked))
    without = [name for name in asked if name not in set(found.rows["model"])]
    return dataclasses.replace(found, missing=_missing(settings, what, {name: asked[name] for name in without}, found))


def shown(folder: Path) -> str:
    """How tables and figures call a folder: from the project or from here on, else by the end of its path.

    >>> shown(ROOT / "resources" / "results" / "probing"), shown(Path("/a/b/c"))
    ('resources/results/probing', 'b/c')
    """
    whole = folder.expanduser().resolve()
    for top in (ROOT, Path.cwd()):
        if whole.is_relative_to(top):
            return whole.relative_to(top).as_posix()
    return "/".join(whole.parts[-2:])


def registered(name: str) -> str:
    """The registry's name behind an alias; any other name as it is.

    >>> registered("moco"), registered("mine")
    ('vit_base_patch16_224.mocov3', 'mine')
    """
    from models.weights.registry import ALIASES

    return ALIASES.get(name, name)


def _what(manifest: Mapping[str, Any], folder: Path) -> str:
    from probing.__main__ import COMMANDS

    words = shlex.split(str(manifest.get("command", "")))
    found = next((word for word in words if word in COMMANDS), None)
    if found is None:
        raise ValueError(f"{folder / MANIFEST} names no command of `python -m probing`: {' '.join(words) or 'none'}")
    return found


def _folders(settings: Settings) -> list[Path]:
    """Folders with a table: those named and what lies in them, or the project's own, which `--train` does not read."""
    if not settings.probing:
        return [] if settings.train or not OWN.is_dir() else _with_tables(OWN)
    named = [path.expanduser() for path in settings.probing]
    for path in named:
        if not _with_tables(path):
            raise OSError(f"--probing {path} holds no {TABLE}: expected the --out of a run of `python -m probing`")
    return list(dict.fromkeys(folder for path in named for folder in _with_tables(path)))


def _with_tables(where: Path) -> list[Path]:
    own = where.parent if where.name == TABLE else where
    return [own] if (own / TABLE).is_file() else sorted(table.parent for table in own.rglob(TABLE))


def _read(folders: Sequence[Path], what: str, heads: Collection[str] | None, metrics: str) -> Stored:
    """All models of one command, each number once."""
    sources = [source for source in map(Source.of, folders) if source.what == what]
    tables = []
    for source in sources:
        table = source.table.assign(**{SOURCE: source.name})
        wanted = table["metric"].str.fullmatch(metrics)
        tables.append(table[wanted if heads is None else wanted & table["head"].isin(list(heads))])
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*COLUMNS, SOURCE])
    return Stored(_each_once(rows), tuple(sources), {})


def _each_once(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without copies.

    Raises:
        ValueError: two folders have other values of one cell.
    """
    rows = rows.drop_duplicates([*CELL, "value", "low", "high", "images", "recipe"])
    double = rows[rows.duplicated(CELL, keep=False)]
    if double.empty:
        return rows.reset_index(drop=True)
    cell = double.iloc[0]
    same = double[(double[CELL] == cell[CELL]).all(axis=1)]
    values = " and ".join(f"{value:.4g} in {source}" for value, source in zip(same["value"], same[SOURCE]))
    differences = "; ".join(
        f"{column} {' and '.join(map(str, same[column].unique()))}"
        for column in ("images", "recipe")
        if same[column].nunique() > 1
    )
    raise ValueError(
        f"two results of {cell['model']}, layer {cell['layer']}, {cell['pooling']}, {cell['head']}: {cell['metric']} "
        f"is {values} ({len(double)} such rows){f', of other {differences}' if differences else ''}; name the folders "
        "to read with --probing"
    )


def _joined(one: Stored, other: Stored) -> Stored:
    both = one.beside(other)
    return dataclasses.replace(both, rows=_each_once(both.rows))


def _asked(settings: Settings, found: Stored) -> dict[str, str]:
    """Names as the command line has them, by those that tables show: the results' own where none were typed."""
    from study.loading import shown_names

    known = sorted(found.rows["model"].unique(), key=lambda name: ORDER.get(name, len(ORDER)))
    typed = settings.models or tuple(known) or (DEFAULT_MODELS if settings.train else ())
    return dict(zip(shown_names(typed), typed, strict=True))


def _of_models(found: Stored, names: Sequence[str]) -> Stored:
    """Rows of these models by these names, which may be aliases of those in the table."""
    there = {registered(str(name)): str(name) for name in found.rows["model"].unique()}
    parts = [
        found.rows[found.rows["model"] == there[registered(name)]].assign(model=name)
        for name in names
        if registered(name) in there
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else found.rows.iloc[:0]
    used = set(rows[SOURCE])
    return Stored(rows, tuple(source for source in found.sources if source.name in used), {})


def _missing(settings: Settings, what: str, without: Mapping[str, str], found: Stored) -> dict[str, str]:
    """What to do, by each model without results; by the name "" where no model is named and there is nothing."""
    if not without and not found.rows.empty:
        return {}
    read = [shown(path) for path in settings.probing] or [shown(OWN)]
    names = list(without.values())
    of = f"{', '.join(without)} {'have' if len(names) > 1 else 'has'}" if names else "there are"
    lines, folders = pasted(settings, what, names or ["MODEL"])
    commands = " and ".join(f"`{line}`" for line in lines)
    training = "" if what in BY_HAND else "; or add --train --data PATH"
    text = (
        f"{of} no results of `python -m probing {what}` in {', '.join(read)}: make them with {commands}, then add "
        f"--probing {' '.join([*read, *folders])}{training}"
    )
    return dict.fromkeys(without or [""], text)
