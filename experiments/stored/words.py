"""What figures of stored results say in words: recipes, norm, intervals."""

from __future__ import annotations

import re

import pandas as pd

RATE = re.compile(r"(?P<what>lr|weight decay) \S+( x batch/\d+)?( \([^)]*\))? chosen")
NORM = re.compile(r"norm (\w+)")
NORMS = {"none": "none (raw block outputs)", "final": "the model's last"}


def recipes(rows: pd.DataFrame) -> list[str]:
    """How the heads of some rows were trained, a sentence for each, without the rates that were chosen.

    >>> recipes(pd.DataFrame({"head": ["linear"], "recipe": ["mae-v1: lars, lr 3 x batch/256 chosen on 9 images"]}))
    ['linear: mae-v1: lars, lr chosen on 9 images.']
    """
    sentences = []
    for head, own in rows.groupby("head", sort=False):
        different = list(dict.fromkeys(RATE.sub(r"\g<what> chosen", recipe) for recipe in own["recipe"]))
        more = f" (and {len(different) - 1} other recipes: see the table)" if len(different) > 1 else ""
        sentences.append(f"{head}: {different[0]}{more}.")
    return sentences


def norms(rows: pd.DataFrame) -> str:
    """Which norm the tokens went through before the probes, as the recipes say."""
    named = {match[1] for recipe in rows["recipe"] if (match := NORM.search(recipe))}
    return " and ".join(NORMS.get(name, name) for name in sorted(named)) or "not said"
