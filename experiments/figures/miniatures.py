"""The warning that figures of miniatures carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NO_EVIDENCE = "no evidence for or against the published models"


def warning(facts: Mapping[str, Any]) -> str:
    """Which models of a figure are miniatures, and that they are no evidence; empty where none is.

    >>> warning({"miniatures": ["mini-moco"], "layouts": {"mini-moco": {}, "moco": {}}})
    'Miniatures: mini-moco; no evidence for or against the published models.'
    """
    small = list(facts.get("miniatures", ()))
    if not small:
        return ""
    who = "All models are miniatures" if small == list(facts["layouts"]) else f"Miniatures: {', '.join(small)}"
    return f"{who}; {NO_EVIDENCE}."
