"""One setting of a recipe: which one a key means, and whether a value is of its type."""

from __future__ import annotations

import ast
import difflib
from typing import Any

import yaml
from yacs.config import CfgNode

_NUMBERS = (int, float)


def assign(recipe: CfgNode, key: str, value: Any) -> None:
    """Set one setting in place.

    Raises:
        ValueError: there is no such key, or its values are of another type.
    """
    node, name = _place(recipe, key)
    if isinstance(node.get(name), CfgNode):
        raise ValueError(f"{key} is {value!r}, but it is a group of settings: {_members(key, node[name])}")
    node[name] = value if node.is_new_allowed() else _of_type(key, value, node[name])


def assign_word(recipe: CfgNode, key: str, word: str) -> None:
    """Set one setting in place to what a word of the command line means; it stays as it is where text is expected.

    Raises:
        ValueError: as in `assign`.
    """
    node, name = _place(recipe, key)
    assign(recipe, key, word if isinstance(node.get(name), str) else _meaning(word))


def _place(recipe: CfgNode, key: str) -> tuple[CfgNode, str]:
    """The node that holds a setting, and its name there."""
    *path, name = key.split(".")
    node = recipe
    for part in path:
        node = node.get(part)
        if not isinstance(node, CfgNode):
            raise ValueError(_unknown(recipe, key))
    if name not in node and not node.is_new_allowed():
        raise ValueError(_unknown(recipe, key))
    return node, name


def _meaning(word: str) -> Any:
    """Python's 1e-4, (1, 2) and True, YAML's true; else the word."""
    for read in (ast.literal_eval, yaml.safe_load):
        try:
            return read(word)
        except (ValueError, TypeError, SyntaxError, yaml.YAMLError):
            continue
    return word


def _of_type(key: str, value: Any, default: Any) -> Any:
    """The value with the type of the default: 1 is a float where floats stand, and so is the 1e-4 of YAML, a word."""
    if isinstance(default, list):
        return _list_of(key, value, default)
    found = _converted(value, default)
    if found is None:
        raise ValueError(f"{key} is {value!r} ({type(value).__name__}), expected {_expectation(default)}")
    return found


def _list_of(key: str, value: Any, default: list[Any]) -> list[Any]:
    """A list as long as the default and of the same types; whole numbers in a list that is empty by default."""
    wrong = f"{key} is {value!r}, expected a list of {len(default) or 'whole'} numbers"
    if not isinstance(value, list | tuple) or (default and len(value) != len(default)):
        raise ValueError(wrong)
    found = [_converted(item, default[0] if default else 0) for item in value]
    if None in found:
        raise ValueError(wrong)
    return found


def _converted(value: Any, default: Any) -> Any:
    """The value as the default's type, None where it cannot be."""
    if isinstance(default, float) and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    if isinstance(default, str) and isinstance(value, _NUMBERS) and not isinstance(value, bool):
        return str(value)
    return value if type(value) is type(default) else None


def _expectation(default: Any) -> str:
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
    return f"{names[type(default)]}, such as {default!r}"


def _unknown(recipe: CfgNode, key: str) -> str:
    near = _nearest(key, list(_keys(recipe)))
    meant = f"did you mean {near}?" if near else f"groups are {', '.join(recipe)}"
    return f"{key} is no key of a recipe: {meant}"


def _nearest(key: str, known: list[str]) -> str | None:
    """The known key most like this one, as a whole or in its last part."""
    whole = difflib.get_close_matches(key.upper(), known, n=1)
    last = {name.split(".")[-1]: name for name in reversed(known)}
    part = difflib.get_close_matches(key.upper().split(".")[-1], list(last), n=1, cutoff=0.8)
    return whole[0] if whole else last[part[0]] if part else None


def _members(key: str, node: CfgNode) -> str:
    return ", ".join(f"{key}.{name}" for name in node) or f"{key}.NAME"


def _keys(node: CfgNode, prefix: str = "") -> list[str]:
    """Full keys of all settings and of all groups."""
    found = []
    for name, value in node.items():
        found.append(f"{prefix}{name}")
        if isinstance(value, CfgNode):
            found += _keys(value, f"{prefix}{name}.")
    return found
