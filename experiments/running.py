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
from study.parts import parts_folder, remove_parts
from study.record import COLUMNS, write_table
from study.summary import summary

from .applicable import NotApplicable
from .catalogue import OVER_DEPTH, STORED, default_models, experiment
from .drawing import draw_folder
from .findings import Findings, summary_file, write_findings
from .folder import first_process, remove_empty
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
    def of(cls, settings: Settings, names: Sequence[str], device: torch.device) -> _Bench:
        from study.loading import loaded_models

        images = opened_images(settings)
        loaded = loaded_models(names, settings.num_heads)
        return cls(dict(zip(names, loaded.items(), strict=True)), images, device)


def run_experiments(folders: Mapping[str, Path], settings: Settings, command: str, *, alone: bool) -> None:
    """Run experiments on the same images and write their results; in several processes, the first one's part of it.

    What goes through all images is dealt over all processes that torchrun started. Everything else is done by the
    first one alone, which looks at single photographs, writes, draws and tells, while the others wait.

    Args:
        folders: of the results, by name of the experiment; the first process's exist and can be written to.
        settings: options.
        command: as the user typed it, for the manifest.
        alone: whether a single experiment was asked for: if it cannot be made, that is an error. Of several it is left
            out, also where a killed run left nothing but that one to do.
    Raises:
        OSError, ValueError: models, images or device are not there, raised before anything is measured; or an
            experiment went wrong, of several raised when the others are done.
        NotApplicable: the only experiment cannot be made of them.
    """
    from study.processes import process

    models = {name: settings.models or default_models(name) for name in folders}
    asked = [model for name in folders if name not in STORED for model in models[name]]
    with process(settings.device) as here:
        if settings.train and here.world > 1:
            raise ValueError("--train trains in a single process: give the command without torchrun")
        names = settings.models or list(dict.fromkeys(asked))
        bench = _Bench.of(settings, names, here.device) if asked else None
        if here.first:
            _lead({name: (folders[name], models[name]) for name in folders}, bench, settings, command, alone)
        else:
            _help(bench, here.device)


def _lead(
    wanted: Mapping[str, tuple[Path, Sequence[str]]],
    bench: _Bench | None,
    settings: Settings,
    command: str,
    alone: bool,
) -> None:
    """The experiments one after another, by the first process."""
    from .measuring.together import leading

    left_out, failed = [], []
    with leading():
        for name, (folder, models) in wanted.items():
            own = dataclasses.replace(settings, models=tuple(models), out=folder)
            try:
                _run(name, own, bench, command, folder)
            except NotApplicable as error:
                if alone:
                    raise
                left_out.append(f"{name} is left out: {error}")
                remove_empty([folder])
            except (OSError, ValueError) as error:
                if alone:
                    raise
                failed.append(name)
                print(f"error: {name}: {error}", file=sys.stderr)
                remove_empty([folder])
    print("\n".join(left_out), file=sys.stderr, end="\n" if left_out else "")
    if failed:
        again = "; the same command makes what is missing" if settings.out else ""
        names = ", ".join(failed)
        raise ValueError(f"{len(failed)} of {len(wanted)} experiments went wrong, as said above: {names}{again}")


def _help(bench: _Bench | None, device: torch.device) -> None:
    """What the other processes do meanwhile."""
    from .measuring.together import help_measuring

    help_measuring(dict(bench.models.values()) if bench else {}, bench.images if bench else None, device)


def _run(name: str, settings: Settings, bench: _Bench | None, command: str, folder: Path) -> None:
    """One experiment; the parts of its measurement go when its results are there."""
    if settings.until_precise is not None and name not in OVER_DEPTH:
        raise NotApplicable(
            f"--until-precise is for means over images at each depth, as of {', '.join(sorted(OVER_DEPTH))}; "
            f"{name} needs all images: choose their number with --images"
        )
    if name in STORED:
        _written(name, folder, *_read(name, settings, command))
        return
    with parts_folder(folder) as parts:
        _written(name, folder, *_measured(name, settings, bench, command))
        remove_parts(parts)


def opened_images(settings: Settings) -> Images:
    """The images, broken ones told on the terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BrokenImages)
        images = open_images(settings.data, limit=settings.images, seed=settings.seed, labels=settings.labels)
    warned = [str(warning.message) for warning in caught]
    if settings.images is not None and settings.images > images.found:
        warned.append(f"--images {settings.images}: {settings.data} holds {images.found}; all of them are taken")
    for text in warned if first_process() else ():
        print(f"warning: {text}", file=sys.stderr)
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
    if facts.get("images_per_second"):
        print(f"\nImages per second: {'; '.join(_speed(*entry) for entry in facts['images_per_second'].items())}")
    print("\n".join(map(str, paths)))


def _speed(model: str, speed: Mapping[str, float]) -> str:
    return f"{model} {speed['whole']} (model alone {speed['model']}, loader alone {speed['loader']})"
