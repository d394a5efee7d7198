"""One run of experiments: images and models in, a results folder of each out."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from study.data import BrokenImages, Images, open_images
from study.record import COLUMNS, write_table
from study.summary import summary

from .applicable import NotApplicable
from .catalogue import STORED, default_models, experiment
from .drawing import draw_folder, summary_file
from .findings import Findings, write_findings
from .folder import remove_empty
from .settings import Settings

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclasses.dataclass(frozen=True)
class _Bench:
    """What is measured, and where: models by the names they were asked for by, images, device."""

    models: Mapping[str, tuple[str, nn.Module]]
    images: Images
    device: torch.device

    @classmethod
    def of(cls, settings: Settings, names: Sequence[str]) -> _Bench:
        from study.device import device_of
        from study.loading import loaded_models

        device = device_of(settings.device)
        images = opened_images(settings)
        loaded = loaded_models(names, settings.num_heads)
        return cls(dict(zip(names, loaded.items(), strict=True)), images, device)


def run_experiments(folders: Mapping[str, Path], settings: Settings, command: str) -> None:
    """Run experiments on the same images and write their results.

    Args:
        folders: of the results, by name of the experiment; they exist and can be written to.
        settings: options.
        command: as the user typed it, for the manifest.
    Raises:
        OSError, ValueError: models, images or device are not there; raised before anything is measured.
        NotApplicable: the only experiment cannot be made of them.
    """
    models = {name: settings.models or default_models(name) for name in folders}
    asked = [model for name in folders if name not in STORED for model in models[name]]
    bench = _Bench.of(settings, settings.models or list(dict.fromkeys(asked))) if asked else None
    left_out = []
    for name, folder in folders.items():
        own = dataclasses.replace(settings, models=models[name], out=folder)
        try:
            findings, origin = _read(name, own, command) if name in STORED else _measured(name, own, bench, command)
        except NotApplicable as error:
            if len(folders) == 1:
                raise
            left_out.append(f"{name} is left out: {error}")
            remove_empty([folder])
            continue
        _written(name, folder, findings, origin)
    print("\n".join(left_out), file=sys.stderr, end="\n" if left_out else "")


def opened_images(settings: Settings) -> Images:
    """The images, broken ones told on the terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BrokenImages)
        images = open_images(settings.data, limit=settings.images, seed=settings.seed, labels=settings.labels)
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    return images


def _measured(name: str, settings: Settings, bench: _Bench | None, command: str) -> tuple[Findings, dict[str, Any]]:
    """Findings of an experiment that looks into models, and where they come from."""
    from .provenance import origin

    if bench is None:
        raise RuntimeError(f"{name} is measured, but no models were loaded")
    loaded = dict(bench.models[model] for model in settings.models)
    findings = experiment(name).measure(loaded, bench.images, settings, bench.device)
    return findings, origin(name, settings, loaded, bench.images, bench.device, command)


def _read(name: str, settings: Settings, command: str) -> tuple[Findings, dict[str, Any]]:
    """Findings of an experiment that reads the results of trainings, and where they come from."""
    from .provenance import origin_of_stored

    return experiment(name).read(settings), origin_of_stored(name, settings, command)


def _written(name: str, folder: Path, findings: Findings, origin: dict[str, Any]) -> None:
    """Write tables, summary and figure, and tell of them."""
    paths = write_findings(findings, folder, origin)
    table = findings.tables[name]
    if set(COLUMNS) <= set(table.columns):
        means = summary(table)
        paths.append(write_table(means, folder / summary_file(name)))
        _tell_means(means, findings.facts, paths[-1].name)
    _tell(name, findings.facts, draw_folder(folder) + paths)


def _tell_means(means: pd.DataFrame, facts: Mapping[str, Any], table: str) -> None:
    print(f"\nMean over {facts['images']} images, by depth (intervals: {table})")
    wide = means.pivot(index=["metric", "model"], columns="depth", values="mean")
    order = [(metric, model) for metric in facts["metrics"] for model in facts["layouts"]]
    print(wide.loc[order].to_string(float_format="{:.2f}".format, na_rep=""))


def _tell(name: str, facts: Mapping[str, Any], paths: Iterable[Path]) -> None:
    for note in facts.get("notes", ()):
        print(f"{name}: {note}")
    if "images_per_second" in facts:
        speeds = ", ".join(f"{model} {speed}" for model, speed in facts["images_per_second"].items())
        print(f"\nImages per second: {speeds}")
    print("\n".join(map(str, paths)))
