"""The judged claims of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from .gathering import ANSWERS, Run
from .markup import Child, element, section
from .origins import images_of

SIGNS = {"holds": "✓", "does not hold": "✗", "undecided": "?", "no data": "–"}
COUNTED = {"holds": "hold", "does not hold": "do not hold"}


def claims(runs: Sequence[Run]) -> Element | None:
    """The papers' statements with their answers; None without any."""
    tables = [_claims_table(run) for run in runs if run.claims]
    if not tables:
        return None
    words = (
        "A claim holds where the whole 95 % interval of its statistic lies above 0, does not hold where it lies at 0 "
        "or below, and is undecided in between."
    )
    return section("claims", "The papers’ claims", element("p", words), *tables)


def _claims_table(run: Run) -> Element:
    names = list(run.manifest.get("models", ())) or ["?"]
    convention = run.manifest.get("options", {}).get("convention")
    known = [f"CL: {names[0]}, MIM: {names[-1]}", images_of(run), f"convention {convention}" if convention else None]
    counts = Counter(claim["answer"] for claim in run.claims)
    said = ", ".join(f"{counts[answer]} {COUNTED.get(answer, answer)}" for answer in ANSWERS if counts[answer])
    caption = " ".join([f"{'; '.join(filter(None, known))}. {said}.", *run.manifest.get("remarks", ())])
    heads = [element("th", text, scope="col", role="columnheader") for text in ("Answer", "Statement", "Value [95 %]")]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads, role="row"), role="rowgroup"),
        element("tbody", *map(_claim, run.claims), role="rowgroup"),
        class_="claims",
        role="table",
    )


def _claim(claim: Mapping[str, Any]) -> Element:
    answer = claim["answer"]
    sign = element("span", SIGNS[answer], class_="sign", aria_hidden="true")
    words = [
        element("strong", claim["statement"]),
        element("span", "above 0? ", claim["inequality"], class_="small"),
        element("span", claim["source"], class_="small"),
    ]
    return element(
        "tr",
        element("td", sign, " ", answer, class_=f"answer {answer.replace(' ', '-')}", role="cell"),
        element("td", *words, class_="statement", role="cell"),
        element("td", *_interval(claim), class_="number", role="cell"),
        role="row",
    )


def _interval(claim: Mapping[str, Any]) -> list[Child]:
    if claim["value"] is None:
        return ["–"]
    digits = 1 if abs(claim["value"]) >= 10 else 3
    low, high = ("?" if claim[side] is None else f"{claim[side]:z.{digits}f}" for side in ("low", "high"))
    return [f"{claim['value']:z.{digits}f}", element("span", f"[{low}, {high}]", class_="small")]
