"""What masked image modelling paints behind the mask: photographs masked and painted, and the error of what is painted.

Claim: a masked model restores what the visible patches tell of the hidden ones, better than one colour could.

The paper gives no numbers. Masks are drawn from the seed and the image, as many as in the training: single patches for
MAE (75 % in the published one), blocks for SimMIM and hybrids (of 32 px, 60 %). Error: mean squared difference over the
pixels of masked patches, in normalised pixels (each channel less the data's mean, over its deviation), one value for
each image. Beside it what costs nothing: `visible_mean`, all masked pixels in the mean colour of the visible ones;
`patch_mean`, each masked patch in its own true mean grey value. Photographs differ more than these errors do, so the
table also holds by how much each exceeds the model's error on the same image, `visible_mean_excess` and
`patch_mean_excess`: their intervals are paired, and one above 0 says that the model paints better than that.

MAE's published pre-training and the miniature paint pixels normalised within each patch, which alone make no picture:
as in MAE's demonstration the mean and deviation of the true patches put them back. That gives away each hidden patch's
mean, so `patch_mean` is the comparison that is fair to it. The `visualize` weights and SimMIM paint plain pixels.

Source: He et al. 2022 (arXiv:2111.06377), fig. 2; Xie et al. 2022 (arXiv:2111.09886), figs. 3 and 4.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from .applicable import NotApplicable
from .findings import Findings

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from study.data import Images

    from .settings import Settings

MODELS = ("mini-mae", "mini-simmim", "mini-hybrid")
NAME = "reconstruction"
METRICS = ("error", "visible_mean", "patch_mean", "visible_mean_excess", "patch_mean_excess")
SHOWN = 6  # photographs in the figure, spread over the images


def measure(loaded: Mapping[str, Any], images: Images, settings: Settings, device: torch.device) -> Findings:
    """One pass of each model that can paint.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Table `reconstruction`, per-image errors with their paired differences, and a picture for each model: originals,
        masked, painted.
    Raises:
        NotApplicable: no model has a decoder or a pixel head.
    """
    from study.measurement import Measurement

    from .masked.autoencoder import encoder_of, opening, painter, with_decoders
    from .masked.painting import painted, picture_and_share
    from .measuring.leader import measured_by_all
    from .measuring.models_and_images import known_facts

    opened = opening(painter, loaded, settings)
    found, refused = with_decoders(opened, loaded)
    if not found:
        raise NotApplicable(
            f"needs what paints behind the mask, which none of these models has ({'; '.join(refused.values())}): name "
            "mini-mae, mini-simmim, mini-hybrid, mae, simmim, or a checkpoint of this project's MAE or SimMIM"
        )
    shown = sorted({round(place * (len(images) - 1) / max(1, SHOWN - 1)) for place in range(SHOWN)})
    seed = settings.seed or 0
    part = functools.partial(painted, seed=seed, shown=shown)
    leader = measured_by_all(Measurement(part, opened, encoder_of), found, images, settings, device)
    pictures, shares = {}, {}
    for name in found:
        pictures[name], shares[name] = picture_and_share(leader.of(name))
    facts = {
        **known_facts({name: loaded[name] for name in found}, images),
        "metrics": list(METRICS),
        "images_per_second": leader.speeds,
        "decoders": {name: one.weights() for name, one in found.items()},
        "names": [images.names[number] for number in shown],
        "pictures": {name: f"painted-{number}" for number, name in enumerate(found, start=1)},
        "masked": shares,
        "normalised": [name for name, one in found.items() if one.normalised],
        "seed": seed,
        "notes": [_said(name, one, shares[name], seed) for name, one in found.items()]
        + [f"{name} is left out: {why}" for name, why in refused.items()],
    }
    return Findings({NAME: leader.table()}, {facts["pictures"][name]: one for name, one in pictures.items()}, facts)


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table, by `study.summary`.
    """
    from .figures.reconstruction import reconstruction_figure

    return reconstruction_figure(findings, summary)


def _said(name: str, network: Any, share: float, seed: int) -> str:
    """How a model was masked, and what its picture gives away."""
    masked = f"{name}: {100 * share:.3g} % of the patches masked, drawn from seed {seed}"
    if not network.normalised:
        return masked
    known = "" if network.told else ", as in MAE's recipe (the file does not say so)"
    return (
        f"{masked}; it paints pixels normalised within each patch{known}, put back with the mean and deviation of the "
        "true patches, which gives the mean of each hidden patch away: compare with patch_mean"
    )
