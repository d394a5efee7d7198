"""The lines below a figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from .miniatures import warning

SIZE = 8.5  # points
LETTER = 0.065  # inches of one, mean over words


def beneath(figure: Figure, facts: Mapping[str, Any], said: str) -> None:
    """Write the lines below a figure, folded to its width, with what of stored results is not alike between models.

    The last line is the warning that miniatures are no evidence.

    Args:
        figure: of its final width.
        facts: of the findings.
        said: lines.
    """
    lines = [*said.splitlines(), *facts.get("differing", ()), *filter(None, [warning(facts)])]
    letters = int(figure.get_figwidth() / LETTER)
    figure.supxlabel("\n".join(_folded(line, letters) for line in lines), fontsize=SIZE, color="0.3")


def _folded(line: str, letters: int) -> str:
    """In as few lines as that many letters allow, none of them much shorter than the others.

    >>> print(_folded("one two three four five six", 20))
    one two three
    four five six
    """
    fewest = len(textwrap.wrap(line, letters))
    widths = range(max(1, len(line) // max(1, fewest)), letters + 1)
    return "\n".join(next(folded for width in widths if len(folded := textwrap.wrap(line, width)) <= fewest))
