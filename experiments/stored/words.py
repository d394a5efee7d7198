"""What figures of stored results say in words: recipes, norm, intervals."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
        different = list(dict.fromkeys(map(_plain, own["recipe"])))
        more = f" (and {len(different) - 1} other recipes: see the table)" if len(different) > 1 else ""
        sentences.append(f"{head}: {different[0]}{more}.")
    return sentences


def unlike(rows: pd.DataFrame) -> list[str]:
    """In what the recipes of a head differ between models, a sentence for each such head; rates were chosen for each.

    >>> unlike(pd.DataFrame({"head": "linear", "model": ["a", "b"], "recipe": ["v1: sgd, seed 1", "v1: sgd, seed 2"]}))
    ['linear was not trained alike: seed 1 (a), seed 2 (b).']
    """
    sentences = []
    for head, own in rows.groupby("head", sort=False):
        parts = {model: _parts(recipes) for model, recipes in own.groupby("model", sort=False)["recipe"]}
        common = set.intersection(*map(set, parts.values()))
        by_words: dict[str, list[str]] = {}
        for model, known in parts.items():
            words = " ".join(part for part in known if part not in common) or "nothing more"
            by_words.setdefault(words, []).append(str(model))
        if len(by_words) > 1:
            said = ", ".join(f"{words} ({', '.join(models)})" for words, models in by_words.items())
            sentences.append(f"{head} was not trained alike: {said}.")
    return sentences


def _plain(recipe: str) -> str:
    """Without the rates that were chosen."""
    return RATE.sub(r"\g<what> chosen", recipe)


def _parts(recipes: Iterable[str]) -> list[str]:
    """What a comma, a colon or a semicolon separates in some recipes, each once."""
    return list(dict.fromkeys(part for recipe in recipes for part in re.split(r"[,:;] ", _plain(recipe))))


def norms(rows: pd.DataFrame) -> str:
    """Which norm the tokens went through before the probes, as the recipes say."""
    named = {match[1] for recipe in rows["recipe"] if (match := NORM.search(recipe))}
    return " and ".join(NORMS.get(name, name) for name in sorted(named)) or "not said"
