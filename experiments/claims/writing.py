"""Judged claims as text: a table for the terminal and in Markdown, and JSON for scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from study.atomic import replacing

from .claim import Judged

JSON, MARKDOWN = "claims.json", "claims.md"
SHORT = {"holds": "holds", "does not hold": "does NOT hold", "undecided": "undecided", "no data": "no data"}


def as_lines(judged: Sequence[Judged]) -> str:
    """One line for each claim, in columns."""
    width = max(len(found.claim.name) for found in judged)
    return "\n".join(
        f"{found.claim.name:<{width}}  {SHORT[found.answer]:<13}  {_numbers(found):<28}  {found.claim.statement}"
        for found in judged
    )


def as_markdown(judged: Sequence[Judged], title: str, note: str) -> str:
    """A table with statement, inequality, number, answer and source."""
    head = f"| claim | statement | must be above 0 | value [95 %] | answer | source |\n|{' --- |' * 6}\n"
    rows = "".join(
        f"| {found.claim.name} | {found.claim.statement} | {found.claim.inequality} | {_numbers(found)} | "
        f"{found.answer} | {found.claim.source} |\n"
        for found in judged
    )
    return f"# {title}\n\n{note}\n\n{head}{rows}"


def as_json(judged: Sequence[Judged]) -> str:
    """A list of objects; a number that is not there is null."""
    entries = [
        {
            "name": found.claim.name,
            "statement": found.claim.statement,
            "inequality": found.claim.inequality,
            "source": found.claim.source,
            "value": _finite(found.value),
            "low": _finite(found.low),
            "high": _finite(found.high),
            "answer": found.answer,
        }
        for found in judged
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path, judged: Sequence[Judged], title: str, note: str) -> list[Path]:
    """Write JSON and Markdown; their paths."""
    texts = {JSON: as_json(judged), MARKDOWN: as_markdown(judged, title, note)}
    for name, text in texts.items():
        with replacing(folder / name) as part:
            part.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _numbers(found: Judged) -> str:
    if math.isnan(found.value):
        return ""
    digits = 1 if abs(found.value) >= 10 else 3
    value, low, high = (f"{number:z.{digits}f}" for number in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
