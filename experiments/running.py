"""One run of one experiment: images and models in, a results folder out."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from study.data import BrokenImages, Images, open_images
from study.record import write_table
from study.summary import summary

from .catalogue import experiment
from .drawing import draw_folder, summary_file
from .findings import write_findings
from .settings import Settings


def run_experiments(folders: Mapping[str, Path], settings: Settings, command: str) -> None:
    """Run experiments on the same models and images and write their results.

    Args:
        folders: of the results, by name of the experiment; they exist and can be written to.
        settings: options.
        command: as the user typed it, for the manifest.
    Raises:
        OSError, ValueError: models, images or device are not there; raised before anything is measured.
    """
    from study.device import device_of
    from study.loading import loaded_models

    from .provenance import origin

    device = device_of(settings.device)
    images = opened_images(settings)
    loaded = loaded_models(settings.models, settings.num_heads)
    for name, folder in folders.items():
        known = origin(name, settings, loaded, images, device, command)
        findings = experiment(name).measure(loaded, images, settings, device)
        paths = write_findings(findings, folder, known)
        means = summary(findings.tables[name])
        paths.append(write_table(means, folder / summary_file(name)))
        _tell(means, findings.facts, draw_folder(folder) + paths)


def opened_images(settings: Settings) -> Images:
    """The images, broken ones told on the terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BrokenImages)
        images = open_images(settings.data, limit=settings.images, seed=settings.seed, labels=settings.labels)
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    return images


def _tell(means: pd.DataFrame, facts: Mapping[str, Any], paths: list[Path]) -> None:
    print(f"\nMean over {facts['images']} images, by depth (intervals: {paths[-1].name})")
    wide = means.pivot(index=["metric", "model"], columns="depth", values="mean")
    order = [(metric, model) for metric in facts["metrics"] for model in facts["layouts"]]
    print(wide.loc[order].to_string(float_format="{:.2f}".format, na_rep=""))
    print("\nImages per second: " + ", ".join(f"{name} {speed}" for name, speed in facts["images_per_second"].items()))
    print("\n".join(map(str, paths)))
