"""The numbers of Park et al. 2023 that could be read off its figures, each with the weights and images it is of.

Digitised: tolerances are those of the reading. What is not here could not be found: distance and NMI on ImageNet and
of SimMIM, similarities, singular values, textures, noise, the hybrid's NMI and Fourier. BEiT's points of fig. 1 and
MoCo-v3's of ViT-L are not here either: which weights they are of is not known, or these were not published.
"""

from __future__ import annotations

import dataclasses

IMAGENETTE = "imagenette"
IMAGENET = "imagenet validation"

HYBRID = "park2023.hybrid"
MOCO_RUNS = "park2023.mocov3"
SIMMIM_RUNS = "park2023.simmim"
"""Trainings of the authors of which no weights were published."""

PAPER = "Park et al. 2023"
NOTEBOOK = f"{PAPER}, official notebook"
ABOUT = "about 59"  # images: the batch is of 64, but its first 64th of each class holds about 6
_MOCO = ("vit_base_patch16_224.mocov3",)
_SIMMIM = ("beit_base_patch16_224.simmim",)
_MAE = ("vit_base_patch16_224.mae", "vit_base_patch16_224.mae_full")  # one training, without and with its decoder
_DEPTHS = tuple(range(1, 13))
_WITH_EMBEDDING = tuple(range(13))


@dataclasses.dataclass(frozen=True)
class Published:
    """One curve of a paper, digitised.

    Attributes:
        metric: what is measured.
        weights: registry names of the weights, all of one training; or a name of this file for trainings of which no
            weights were published.
        images: `IMAGENETTE`, as `study.open_images` names it, or `IMAGENET`.
        positions: depths; lambdas of the hybrid; millions of parameters of `fine_tune`; linear probe (top-1, %) of
            `probe_and_fine_tune`.
        values: of the metric, one for each position.
        label: for the legend.
        source: where they were read off.
        tolerance: of the reading, in the metric's unit.
        convention: of distance and NMI.
    """

    metric: str
    weights: tuple[str, ...]
    images: str
    positions: tuple[float, ...]
    values: tuple[float, ...]
    label: str
    source: str
    tolerance: float
    convention: str = ""

    @property
    def depths(self) -> tuple[float, ...]:
        """The positions, of a curve over depth."""
        return self.positions


def _of_notebook(metric: str, first: int, values: tuple[float, ...], count: str, tolerance: float) -> Published:
    """Of MoCo-v3 ViT-B on one batch of Imagenette, of so many images."""
    return Published(
        metric=metric,
        weights=_MOCO,
        images=IMAGENETTE,
        positions=tuple(range(first, 13)),
        values=values,
        label=f"MoCo-v3, {NOTEBOOK}",
        source=f"stored figure of the official notebook of {PAPER} (arXiv:2305.00729), {count} images of Imagenette",
        tolerance=tolerance,
        convention="" if metric == "amplitude" else "park2023",
    )


def _amplitude(method: str, weights: tuple[str, ...], values: tuple[float, ...], how: str) -> Published:
    return Published(
        metric="amplitude",
        weights=weights,
        images=IMAGENET,
        positions=_WITH_EMBEDDING,
        values=values,
        label=f"{method}, {PAPER}",
        source=f"{PAPER} (arXiv:2305.00729), Fourier figure, {how} on its poster",
        tolerance=0.02,
    )


def _probe(method: str, weights: tuple[str, ...], values: tuple[float, ...]) -> Published:
    return Published(
        metric="linear_probe",
        weights=weights,
        images=IMAGENET,
        positions=_DEPTHS,
        values=values,
        label=f"{method}, {PAPER}",
        source=f"{PAPER} (arXiv:2305.00729), fig. 10, vector graphics on its poster; top-1 in %",
        tolerance=0.1,
    )


def _point(metric: str, method: str, weights: tuple[str, ...], position: float, value: float) -> Published:
    figure = "1 (a)" if metric == "probe_and_fine_tune" else "1 (b)"
    return Published(
        metric=metric,
        weights=weights,
        images=IMAGENET,
        positions=(position,),
        values=(value,),
        label=f"{method}, {PAPER}",
        source=f"{PAPER} (arXiv:2305.00729), fig. {figure}, vector graphics on its poster; top-1 in %",
        tolerance=0.1,
    )


def _hybrid(metric: str, values: tuple[float, ...]) -> Published:
    return Published(
        metric=metric,
        weights=(HYBRID,),
        images=IMAGENET,
        positions=(0.0, 0.2, 0.4, 0.6, 1.0),
        values=values,
        label=f"hybrid, {PAPER}",
        source=f"{PAPER} (arXiv:2305.00729), fig. 12 left, picture on its poster; top-1 in %",
        tolerance=0.1,
    )


def _own_runs(method: str, weights: str, values: tuple[float, ...]) -> Published:
    return Published(
        metric="fine_tune",
        weights=(weights,),
        images=IMAGENET,
        positions=(5.8, 22.2, 86.0),
        values=values,
        label=f"{method}†, {PAPER}",
        source=f"{PAPER} (arXiv:2305.00729), fig. 1 (b), curves marked †, vector graphics on its poster; top-1 in %",
        tolerance=0.1,
    )


_DISTANCE = (110.8, 89.2, 72.9, 69.5, 72.6, 81.2, 88.2, 79.4, 96.0, 100.9, 109.7, 113.6)
_NMI = (0.060, 0.123, 0.321, 0.297, 0.240, 0.179, 0.146, 0.172, 0.092, 0.079, 0.028, 0.008)
_IMAGENETTE_AMPLITUDE = (-2.74, -3.35, -3.3, -3.18, -3.06, -2.91, -2.77, -2.64, -2.54, -2.47, -2.44, -2.43, -2.55)
_MOCO_AMPLITUDE = (-2.9, -3.18, -3.14, -3.07, -2.95, -2.81, -2.67, -2.55, -2.46, -2.4, -2.39, -2.4, -2.51)
_SIMMIM_AMPLITUDE = (-2.0, -2.05, -2.25, -2.18, -2.13, -2.12, -2.09, -2.06, -2.04, -2.06, -2.13, -2.12, -2.31)
_MAE_AMPLITUDE = (-3.07, -2.1, -2.28, -2.39, -2.34, -2.35, -2.31, -2.32, -2.27, -2.24, -2.18, -2.15, -2.52)
_DECODER_AMPLITUDE = (-3.45, -3.21, -3.08, -3.01, -3.03, -3.16, -3.24, -3.3, -3.19)
_MOCO_PROBE = (5.1, 10.2, 17.4, 28.4, 40.0, 47.7, 54.6, 58.6, 62.2, 66.2, 69.4, 71.7)
_SIMMIM_PROBE = (14.9, 25.9, 35.5, 43.2, 48.6, 53.6, 56.7, 56.8, 56.0, 52.9, 48.3, 45.3)
_MAE_PROBE = (13.6, 21.5, 27.2, 32.3, 37.6, 43.6, 51.6, 58.4, 62.8, 64.6, 64.9, 64.1)

CURVES = (
    _of_notebook("distance", 1, _DISTANCE, ABOUT, 0.5),
    _of_notebook("nmi", 1, _NMI, ABOUT, 0.005),
    _of_notebook("amplitude", 0, _IMAGENETTE_AMPLITUDE, "16", 0.01),
    _amplitude("MoCo-v3", _MOCO, _MOCO_AMPLITUDE, "vector graphics"),
    _amplitude("SimMIM", _SIMMIM, _SIMMIM_AMPLITUDE, "vector graphics"),
    _amplitude("MAE", _MAE, _MAE_AMPLITUDE, "picture"),
    Published(
        metric="amplitude_decoder",
        weights=_MAE,
        images=IMAGENET,
        positions=tuple(range(12, 21)),
        values=_DECODER_AMPLITUDE,
        label=f"MAE's decoder, {PAPER}",
        source=(
            f"{PAPER} (arXiv:2305.00729), fig. 11, picture on its poster; 12 is read as the decoder's input, 13 to 20 "
            "as its blocks; whether masked patches went in is not known"
        ),
        tolerance=0.02,
    ),
    _probe("MoCo-v3", _MOCO, _MOCO_PROBE),
    _probe("SimMIM", _SIMMIM, _SIMMIM_PROBE),
    _probe("MAE", _MAE, _MAE_PROBE),
    _point("probe_and_fine_tune", "MoCo-v3", _MOCO, 76.7, 83.2),
    _point("probe_and_fine_tune", "SimMIM", _SIMMIM, 56.7, 83.8),
    _point("probe_and_fine_tune", "MAE", _MAE, 68.0, 83.6),
    _point("probe_and_fine_tune", "DINO", ("vit_base_patch16_224.dino",), 78.2, 82.8),
    _point("fine_tune", "MoCo-v3", _MOCO, 86.0, 83.2),
    _point("fine_tune", "DINO", ("vit_small_patch16_224.dino",), 22.2, 81.5),
    _point("fine_tune", "DINO", ("vit_base_patch16_224.dino",), 86.0, 82.8),
    _point("fine_tune", "MAE", _MAE, 86.0, 83.6),
    _point("fine_tune", "MAE", ("vit_large_patch16_224.mae", "vit_large_patch16_224.mae_full"), 307.0, 85.9),
    _point("fine_tune", "MAE", ("vit_huge_patch14_224.mae", "vit_huge_patch14_224.mae_full"), 632.0, 86.9),
    _own_runs("MoCo-v3", MOCO_RUNS, (68.9, 78.7, 81.2)),
    _own_runs("SimMIM", SIMMIM_RUNS, (64.6, 77.6, 81.8)),
    _hybrid("hybrid_linear_probe", (18.2, 61.6, 62.3, 61.9, 58.1)),
    _hybrid("hybrid_fine_tune", (81.9, 82.29, 81.95, 81.62, 81.33)),
)
