"""`python -m experiments claims`: which of the papers' statements hold for two models on these images."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from study.data import open_images
from study.record import write_manifest

from ..findings import MANIFEST
from ..folder import made, remove_empty, results_folder
from ..settings import Settings
from .claim import Judged, judged
from .list_of_claims import CLAIMS
from .measurement import measured, stored_probes
from .writing import as_lines, write

REFUTED = 2
"""Exit status when at least one claim does not hold; 0 when none is refuted, 1 after an error."""


def run_claims(options: argparse.Namespace, settings: Settings, command: str) -> int:
    """Measure, judge, tell and write; 0, or `REFUTED`.

    Args:
        options: with cl, mim and probing.
        settings: of the run.
        command: as it was typed, for the manifest.
    Raises:
        OSError, ValueError: models, images, probes or folder are not there; raised before anything is measured.
    """
    folder = results_folder("claims", settings.out, several=False)
    new = made([folder], overwrite=settings.overwrite)
    try:
        found = _judged(options, settings, command, folder)
    except BaseException:
        remove_empty(new)
        raise
    return REFUTED if any(one.answer == "does not hold" for one in found) else 0


def _judged(options: argparse.Namespace, settings: Settings, command: str, folder: Path) -> Sequence[Judged]:
    from study.device import device_of
    from study.loading import loaded_models, shown_names
    from study.provenance import arithmetic, versions, weights

    device = device_of(settings.device)
    typed = [options.cl, options.mim]
    names = shown_names(typed) if options.cl != options.mim else [options.cl, options.mim]
    loaded = loaded_models(list(dict.fromkeys(typed)), settings.num_heads)
    models = [next(iter(loaded.values())), list(loaded.values())[-1]]
    images = open_images(settings.data, limit=settings.images, seed=settings.seed, labels=settings.labels)
    labels = names if names[0] != names[1] else [names[0], f"{names[1]} (again)"]
    probes, where = stored_probes(options.probing, *names)
    evidence = measured((labels[0], models[0]), (labels[1], models[1]), images, settings, device, probes=probes)
    found = [judged(claim, evidence) for claim in CLAIMS]
    counts = {
        answer: sum(one.answer == answer for one in found) for answer in dict.fromkeys(one.answer for one in found)
    }
    said = ", ".join(f"{number} {answer}" for answer, number in counts.items())
    note = (
        f"CL: {names[0]}, MIM: {names[1]}; {len(images)} images of {images.where}; convention {settings.convention}; "
        f"probes: {where.name if where else 'none'}. Intervals: bootstrap over images, paired between the models; of "
        "probes the widest that both accuracies' intervals allow. `"
        f"{command}`"
    )
    print(as_lines(found))
    print(f"\n{len(found)} claims: {said}")
    paths = write(folder, found, "The papers' claims", note)
    manifest = {
        "experiment": "claims",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "options": {key: str(value) for key, value in dataclasses.asdict(settings).items()},
        "models": {name: weights(model) for name, model in zip(names, models)},
        "images": {"where": images.where, "count": len(images), "digest": images.digest},
        "arithmetic": arithmetic(settings.dtype, device),
        "versions": versions(),
    }
    paths.append(write_manifest(manifest, folder / MANIFEST))
    print("\n".join(map(str, paths)))
    return found
