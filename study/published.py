"""Published curves over depth that a figure may be laid beside: same model, same images, or not at all."""

from __future__ import annotations

import dataclasses

from models.weights.registry import ALIASES

NOTEBOOK = "Park et al. 2023, official notebook"


@dataclasses.dataclass(frozen=True)
class Published:
    """One curve of a paper, digitised from a stored figure.

    Attributes:
        metric: as the notebooks name it.
        model: registry name of the weights.
        images: as `study.open_images` names them.
        depths, values: of the curve.
        label: for the legend.
    """

    metric: str
    model: str
    images: str
    depths: tuple[int, ...]
    values: tuple[float, ...]
    label: str


CURVES = (
    Published(
        metric="distance",
        model="vit_base_patch16_224.mocov3",
        images="imagenette",
        depths=tuple(range(1, 13)),
        values=(110.8, 89.2, 72.9, 69.5, 72.6, 81.2, 88.2, 79.4, 96.0, 100.9, 109.7, 113.6),
        label=f"MoCo-v3, {NOTEBOOK}",
    ),
    Published(
        metric="nmi",
        model="vit_base_patch16_224.mocov3",
        images="imagenette",
        depths=tuple(range(1, 13)),
        values=(0.060, 0.123, 0.321, 0.297, 0.240, 0.179, 0.146, 0.172, 0.092, 0.079, 0.028, 0.008),
        label=f"MoCo-v3, {NOTEBOOK}",
    ),
    Published(
        metric="amplitude",
        model="vit_base_patch16_224.mocov3",
        images="imagenette",
        depths=tuple(range(13)),
        values=(-2.74, -3.35, -3.30, -3.18, -3.06, -2.91, -2.77, -2.64, -2.54, -2.47, -2.44, -2.43, -2.55),
        label=f"MoCo-v3, {NOTEBOOK}",
    ),
)


def published(metric: str, model: str, images: str | None) -> Published | None:
    """The paper's curve of this metric, for these very weights and these very images; None if there is none.

    Args:
        metric: distance, nmi or amplitude (at the highest frequency).
        model: alias or registry name.
        images: as `study.open_images` names them.
    Source: digitised from the figures stored in the official notebooks of Park et al. 2023 (arXiv:2305.00729): MoCo-v3
        ViT-B on one batch of Imagenette (64 images for attention, 16 for amplitude). For SimMIM none is stored; the
        paper's own curves are of ImageNet's validation images, so they are no reference for these.
    """
    name = ALIASES.get(model, model)
    return next(
        (curve for curve in CURVES if (curve.metric, curve.model, curve.images) == (metric, name, images)), None
    )
