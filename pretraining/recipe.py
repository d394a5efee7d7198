"""Recipes: everything that decides the outcome of a training, as a yacs tree, from YAML files and the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from yacs.config import CfgNode

from ._defaults import defaults
from ._recipe_checks import checked
from ._recipe_values import assign, assign_word

RECIPES = Path(__file__).parent / "recipes"
SUFFIX = ".yaml"
RECIPE = "recipe.yaml"  # its name in the folder of a training


def load_recipe(name_or_path: str | os.PathLike[str], opts: Sequence[str] = ()) -> CfgNode:
    """A frozen recipe: the defaults, changed by a file, changed by single settings.

    Args:
        name_or_path: one of `list_recipes()`, or a YAML file (told by its suffix or a folder in front).
        opts: full keys and values in turn, ["HYBRID.LAMBDA", "0.6", ...]; values are words,
            read as Python or YAML where no text is expected.
    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: unknown recipe, unknown key, value of a wrong type or out of range, or no YAML.
    """
    path = _file(name_or_path)
    recipe = _merged(_read(path), f"recipe {path}")
    _apply(recipe, opts)
    return _frozen(recipe)


def list_recipes() -> list[str]:
    """Names of the recipes that come with the project, sorted."""
    return sorted(path.stem for path in RECIPES.glob(f"*{SUFFIX}"))


def recipe_text(recipe: CfgNode) -> str:
    """The whole recipe as YAML; `parsed` is the inverse."""
    return recipe.dump(sort_keys=False, allow_unicode=True)


def parsed(text: str) -> CfgNode:
    """A frozen recipe from its text; keys that it does not have are at their defaults.

    Raises:
        ValueError: as in load_recipe.
    """
    return _frozen(_merged(text, "recipe text"))


def differences(first: CfgNode, second: CfgNode) -> list[str]:
    """One line "KEY: value in the first -> value in the second" for each setting that differs, the note aside.

    >>> low, high = parsed("HYBRID: {LAMBDA: 0.2}"), parsed("HYBRID: {LAMBDA: 0.8}")
    >>> differences(low, high)
    ['HYBRID.LAMBDA: 0.2 -> 0.8']
    """
    before, after = dict(_leaves(first)), dict(_leaves(second))
    keys = [key for key in {**before, **after} if key != "NOTE" and before.get(key) != after.get(key)]
    return [f"{key}: {before.get(key)} -> {after.get(key)}" for key in keys]


def _file(name_or_path: str | os.PathLike[str]) -> Path:
    path = Path(name_or_path)
    if path.suffix in (SUFFIX, ".yml") or len(path.parts) > 1:
        return path
    if path.name not in list_recipes():
        raise ValueError(
            f"recipe {str(name_or_path)!r} is not known: choose one of {', '.join(list_recipes())}, "
            "or give the path of a .yaml file"
        )
    return RECIPES / f"{path.name}{SUFFIX}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise OSError(
            f"recipe {path} cannot be read ({error.strerror}): give the path of a .yaml file or one of "
            f"{', '.join(list_recipes())}"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"recipe {path} is no text in UTF-8: a recipe is a YAML file") from error


def _merged(text: str, source: str) -> CfgNode:
    """The defaults, changed by YAML text; errors name the source."""
    recipe = defaults()
    try:
        for key, value in _leaves(_mapping(text)):
            assign(recipe, key, value)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    return recipe


def _mapping(text: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"no valid YAML: {error}") from error
    if content is not None and not isinstance(content, dict):
        raise ValueError(f"holds a {type(content).__name__}, expected keys and values such as `METHOD: mae`")
    return content or {}


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Full key and value of every setting; an empty node has none."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _apply(recipe: CfgNode, opts: Sequence[str]) -> None:
    if len(opts) % 2:
        raise ValueError(f"opts {' '.join(map(str, opts))} has {len(opts)} parts, expected pairs of a key and a value")
    for key, word in zip(opts[::2], opts[1::2], strict=True):
        assign_word(recipe, key, word)


def _frozen(recipe: CfgNode) -> CfgNode:
    recipe = checked(recipe)
    recipe.freeze()
    return recipe
