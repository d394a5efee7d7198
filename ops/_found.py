"""What the metrics of the same rows, or of the same queries, find out for each other."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Found = dict[Any, Any] | None
Value = TypeVar("Value")


def shared(found: Found, name: Hashable, find: Callable[[], Value]) -> Value:
    """What another metric has found under this name, or what `find` finds now, left there for the next one."""
    if found is None:
        return find()
    if name not in found:
        found[name] = find()
    return found[name]
