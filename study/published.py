"""Published curves that a figure may be laid beside: same weights, same images, or not at all."""

from __future__ import annotations

from models.weights.registry import ALIASES, REGISTRY

from ._published_curves import CURVES, HYBRID, IMAGENET, IMAGENETTE, MOCO_RUNS, NOTEBOOK, SIMMIM_RUNS, Published
from .data import Images
from .imagenet import is_imagenet_validation

__all__ = [
    "CURVES",
    "HYBRID",
    "IMAGENET",
    "IMAGENETTE",
    "MOCO_RUNS",
    "NOTEBOOK",
    "SIMMIM_RUNS",
    "Published",
    "curve_of",
    "published",
    "weights_of_file",
]


def published(metric: str, model: str, images: Images | str | None) -> Published | None:
    """The paper's curve of this metric, for these very weights and these very images; None if there is none.

    Args:
        metric: over depth: `distance`, `nmi`, `amplitude` (at the highest frequency), `amplitude_decoder` (the same of
            MAE's decoder), `linear_probe`; single points of fig. 1: `probe_and_fine_tune`, `fine_tune`; over lambda:
            `hybrid_linear_probe`, `hybrid_fine_tune`.
        model: alias or registry name, as the user typed it; `HYBRID`, `MOCO_RUNS`, `SIMMIM_RUNS` for trainings whose
            weights were not published.
        images: of `open_images`; or their name alone (`Images.where`), which tells Imagenette but not ImageNet.
    Source: Park et al. 2023 (arXiv:2305.00729); each curve names its own.
    """
    return curve_of(metric, model, _kind(images))


def curve_of(metric: str, model: str, images: str | None) -> Published | None:
    """The paper's curve of this metric, for these weights, where the caller knows which images they are; or None.

    Args:
        metric: as for `published`.
        model: as for `published`.
        images: `IMAGENET` or `IMAGENETTE`; None for all others, of which there is no curve.
    """
    name = ALIASES.get(model, model)
    found = (curve for curve in CURVES if curve.metric == metric and curve.images == images and name in curve.weights)
    return next(found, None)


def weights_of_file(sha256: str | None) -> str | None:
    """Registry name of the published weights whose file has this hash; None where none has, or the hash is not known.

    Args:
        sha256: 64 hexadecimal digits, as in `model.passport.sha256`.
    """
    if sha256 is None:
        return None
    return next((name for name, weights in REGISTRY.items() if weights.sha256 == sha256), None)


def _kind(images: Images | str | None) -> str | None:
    """Which of the paper's images they are; None for all others."""
    where = images.where if isinstance(images, Images) else images
    if where == IMAGENETTE:
        return IMAGENETTE
    return IMAGENET if isinstance(images, Images) and is_imagenet_validation(images) else None
