"""How many directions tokens and images take up: singular values of their covariances, over rank and over depth.

Claim: contrastive learning lowers the singular values of the tokens of an image and raises those of images, so that
it tells images apart and not tokens; masked image modelling raises those of tokens and hardly moves those of images.

The paper's values are not known, nor how many images it took. Singular values of a covariance are its eigenvalues, so
variances; natural logarithms. Token level: covariance of the patch tokens of one image, mean over images of the
logarithms. Image level: covariance over images of the mean patch token. Block outputs without the last norm; depth 0
is the embedding. What rounding leaves beyond the true rank is not drawn.

The image level depends on how many images there are: of few images the small values come out too small, and its
interval does not contain this bias. Beyond it the interval, a jackknife over groups, is conservative: in simulation 1.4
to 3 times as wide as the values of ever new images scatter. The 128th needs more than 128 images; of fewer images,
tokens or channels than the paper's other ranks are shown, which the figure names. While it runs `--out` holds the
values of each image (8 bytes for each depth and patch, 4 for each channel).
`--relative` draws the difference to depth 0 (open point O5), `--depths` chooses the depths of the spectra.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 7, and its author in issue 2 of the official repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from .findings import Findings

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from study.data import Images

    from .settings import Settings

NAME = "singular-spectra"
OVER_DEPTH = "over_depth"
PER_IMAGE = "per_image"


def measure(loaded: Mapping[str, Any], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Tables `singular-spectra` (model, level, depth, rank, value, relative: all ranks), `over_depth` (the same of two
        ranks, with 95 % intervals) and `per_image` (token-level values of these ranks for each image).
    Raises:
        NotApplicable: a depth that a model does not have.
    """
    import torch

    from study.measurement import Measurement

    from .measuring.leader import measured_by_all
    from .measuring.models_and_images import known_facts
    from .tokens.singular_choices import drawn_depths, few_for, notes, shown_ranks
    from .tokens.singular_tables import all_ranks, over_depth, per_image
    from .tokens.spectra import depth_spectra, group_count, groups_at_random, spectra_part

    facts = known_facts(loaded, images)
    sizes = {name: {**size, "channels": loaded[name].embed_dim} for name, size in facts["layouts"].items()}
    drawn = {name: drawn_depths(settings.depths, name, size["depth"]) for name, size in sizes.items()}
    groups = {name: group_count(size["channels"], size["depth"] + 1, len(images)) for name, size in sizes.items()}
    ranks = shown_ranks(sizes, len(images))
    tables: dict[str, list[pd.DataFrame]] = {NAME: [], OVER_DEPTH: [], PER_IMAGE: []}
    leader = measured_by_all(Measurement(spectra_part), loaded, images, settings, device)
    for name in loaded:
        group_of = groups_at_random(len(images), groups[name], settings.seed or 0)
        precision = torch.finfo(getattr(torch, settings.dtype)).eps
        depths = depth_spectra(leader.of(name), group_of=group_of, ranks=ranks["tokens"], precision=precision)
        spectra = all_ranks(depths, list(ranks))
        of_model = {
            NAME: spectra,
            OVER_DEPTH: over_depth(depths, spectra, ranks),
            PER_IMAGE: per_image(depths, ranks["tokens"]),
        }
        for table, rows in of_model.items():
            rows.insert(0, "model", name)
            tables[table].append(rows)
    facts |= {
        "images_per_second": leader.speeds,
        "ranks": ranks,
        "groups": groups,
        "few_for": few_for(sizes, len(images)),
        "drawn": drawn,
        "relative": settings.relative,
        "notes": notes(ranks, groups, sizes, len(images)),
    }
    return Findings({name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame | None) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: none; the intervals stand in `over_depth`.
    """
    from .figures.singular_spectra import spectra_figure

    return spectra_figure(findings)
