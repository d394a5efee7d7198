"""`python -m experiments claims`: which of the papers' statements hold for two models on these images."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from study.parts import parts_folder, remove_parts
from study.record import write_manifest

from ..figures.miniatures import warning
from ..findings import MANIFEST
from ..folder import first_process, made, remove_empty, results_folder
from ..running import opened_images
from ..settings import Settings
from .claim import Judged, judged
from .evidence import OF_THE_GRID, Evidence
from .list_of_claims import CLAIMS
from .measurement import evidence_of, stored_results
from .writing import as_lines, write

if TYPE_CHECKING:
    import torch
    from torch import nn

    from study.data import Images

REFUTED = 2
"""Exit status when at least one claim does not hold; 0 when none is refuted, 1 after an error."""


def run_claims(options: argparse.Namespace, settings: Settings, command: str) -> int:
    """Measure, judge, tell and write; 0, or `REFUTED`.

    Args:
        options: with cl and mim.
        settings: of the run.
        command: as it was typed, for the manifest.
    Raises:
        OSError, ValueError: models, images, probes or folder are not there; raised before anything is measured.
    """
    folder = results_folder("claims", settings.out, several=False)
    pair = tuple(dict.fromkeys([options.cl, options.mim]))  # one against itself too
    settings = dataclasses.replace(settings, out=folder, models=pair)
    new = made([folder], overwrite=settings.overwrite) if first_process() else []
    try:
        found = _together(settings, command, folder)
    except BaseException:
        remove_empty(new)
        raise
    return REFUTED if any(one.answer == "does not hold" for one in found) else 0


def _together(settings: Settings, command: str, folder: Path) -> Sequence[Judged]:
    """All processes measure, the first one judges."""
    from study.loading import loaded_models
    from study.processes import process

    from ..measuring.together import help_measuring, leading

    with process(settings.device) as here:
        loaded = loaded_models(settings.models, settings.num_heads)
        images = opened_images(settings)
        if not here.first:
            help_measuring(loaded, images, here.device)
            return []
        with leading(), parts_folder(folder) as parts:
            found = _judged(settings, command, folder, loaded, images, here.device)
            remove_parts(parts)
    return found


def _judged(
    settings: Settings,
    command: str,
    folder: Path,
    loaded: Mapping[str, nn.Module],
    images: Images,
    device: torch.device,
) -> Sequence[Judged]:
    from ..measuring.models_and_images import known_facts
    from ..provenance import origin

    names = list(loaded)
    cl, mim = names[0], names[-1]
    results, sources = stored_results(settings)
    facts = {**origin("claims", settings, loaded, images, device, command), "sources": sources}
    evidence = evidence_of(loaded, images, settings, device, probes=results)
    found = [judged(claim, evidence) for claim in CLAIMS]
    said = ", ".join(f"{number} {answer}" for answer, number in Counter(one.answer for one in found).items())
    note = (
        f"CL: {cl}, MIM: {mim}; {len(images)} images of {images.where}; convention {settings.convention}; "
        f"trained: {', '.join(source['folder'] for source in sources) or 'nothing'}. Intervals: bootstrap over images, "
        "paired between the models; over images' singular values a jackknife of groups of images. Of what was trained "
        "they are those of the test images alone, not of another training or choice of rates: half-widths of both "
        f"accuracies in quadrature. `{command}`"
    )
    remarks = [*_without_data(evidence), *filter(None, [warning(known_facts(loaded, images))])]
    note = "\n\n".join([note, *remarks])
    print(as_lines(found))
    print("\n".join([f"\n{len(found)} claims: {said}", *remarks]))
    paths = write(folder, found, "The papers' claims", note)
    paths.append(write_manifest({**facts, "remarks": remarks}, folder / MANIFEST))
    print("\n".join(map(str, paths)))
    return found


def _without_data(evidence: Evidence) -> list[str]:
    """Why some claims have no data, where it is for the models."""
    remarks = []
    if not evidence.same_grid:
        sizes = {
            f"{name}: {layout['grid'][0]} x {layout['grid'][1]} patches of {layout['patch_size'][0]} px"
            for name, layout in evidence.layouts.items()
        }
        remarks.append(
            f"No data where values depend on the grid ({', '.join(sorted(OF_THE_GRID))}), which is not the same: "
            f"{'; '.join(sorted(sizes))}."
        )
    if not evidence.comparable("cls_pos_attention"):
        remarks.append("No data of class tokens: not both models have one.")
    return remarks
