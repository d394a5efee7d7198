"""`python -m probing presets`: the recipes of linear probes."""

from __future__ import annotations

import argparse
import dataclasses
import textwrap

from ..presets import PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing is asked for."""


def run(options: argparse.Namespace, command: str) -> int:
    """Print each preset with all its values."""
    for preset in PRESETS.values():
        values = dataclasses.asdict(preset)
        note = values.pop("note")
        print(preset.title)
        print(textwrap.fill(note, 110, initial_indent="  ", subsequent_indent="  "))
        print("  " + ", ".join(f"{name} {value}" for name, value in values.items() if name not in {"name", "version"}))
    return 0
