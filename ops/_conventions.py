"""Conventions: the same metric as different papers compute it, chosen by name and part of every result."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_convention(convention: object, known: Iterable[str]) -> ValueError:
    """The error for a convention that a metric does not have; it names those that it has."""
    names = list(known)
    close = get_close_matches(str(convention), names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(map(repr, names))
    return ValueError(f"convention={convention!r} is not known here, only {listed}{hint}")
