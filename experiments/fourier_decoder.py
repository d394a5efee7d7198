"""Which frequencies MAE's encoder and decoder keep: amplitude of the highest diagonal frequency, through both.

Claim: what the encoder ends with is not what the decoder works on; its input has weaker high frequencies than the
encoder's end, and its blocks raise them and lower them again (as the paper's curve is read; its words are not known).

The paper's numbers, MAE ViT-B, ImageNet; encoder at depth 0 to 12: -3.07 -2.10 -2.28 -2.39 -2.34 -2.35 -2.31 -2.32
-2.27 -2.24 -2.18 -2.15 -2.52; decoder at 12 to 20: -3.45 -3.21 -3.08 -3.01 -3.03 -3.16 -3.24 -3.30 -3.19, where 12 is
read as the decoder's input and 13 to 20 as its blocks.

Here: block outputs without the last norm; the decoder's input is what enters its first block, positions added. What
the paper gave to the decoder is not known (open point O9): `--decoder-input all`, every patch in its order, encoder
not masked and no mask token; `masked`, as many patches as in the training (75 % in the published one) hidden from the
encoder and filled in by the mask token, with masks from the seed. The encoder's own curve is that of whole images in
both.

Source: Park et al. 2023 (arXiv:2305.00729), fig. 11.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .applicable import NotApplicable
from .findings import Findings
from .measuring.paper_curves import paper_curves

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from torch import Tensor

    from study.data import Images
    from study.packed import Arrays

    from .masked.autoencoder import MaskedAutoencoder
    from .settings import Settings

MODELS = ("mini-mae",)
NAME = "fourier-decoder"
ENCODER, DECODER = "delta_log_amplitude", "decoder_delta_log_amplitude"
PAPER = {ENCODER: "amplitude", DECODER: "amplitude_decoder"}
"""Names of the metrics in `study.published`."""


def measure(loaded: Mapping[str, Any], images: Images, settings: Settings, device: torch.device) -> Findings:
    """Encoder and decoder of each model that has both.

    Args:
        loaded: models by the names that the figure shows; on the CPU afterwards.
        images: of `open_images`.
        settings: of the run.
        device: to run on.
    Returns:
        Table `fourier-decoder`, per-image values: the encoder's at depth 0 to L, the decoder's from L (its input) on.
    Raises:
        NotApplicable: no model has a decoder.
    """
    from study.measurement import Measurement

    from .masked.autoencoder import encoder_of, masked_autoencoder, opening, with_decoders
    from .measuring.leader import measured_by_all
    from .measuring.models_and_images import known_facts

    opened = opening(masked_autoencoder, loaded, settings)
    found, refused = with_decoders(opened, loaded)
    if not found:
        raise NotApplicable(
            f"needs MAE's decoder, which none of these models has ({'; '.join(refused.values())}): name mini-mae, mae, "
            "an mae_visualize of list_models, or a checkpoint of this project's MAE"
        )
    used = {name: loaded[name] for name in found}
    typed = dict(zip(loaded, settings.models or loaded, strict=True))
    asked = dataclasses.replace(settings, models=tuple(typed[name] for name in used))
    part = functools.partial(amplitudes, decoder_input=settings.decoder_input, seed=settings.seed or 0)
    leader = measured_by_all(Measurement(part, opened, encoder_of), found, images, settings, device)
    facts = {
        **known_facts(used, images),
        **paper_curves(PAPER.values(), used, images, asked),
        "metrics": [ENCODER, DECODER],
        "images_per_second": leader.speeds,
        "decoders": {name: network.weights() for name, network in found.items()},
        "decoder_input": settings.decoder_input,
        "masked": {name: 1 - network.kept / (network.grid[0] * network.grid[1]) for name, network in found.items()},
        "decoder_depths": {name: len(network.decoder.blocks) for name, network in found.items()},
    }
    facts["notes"] += [f"{name} is left out: {why}" for name, why in refused.items()]
    given = {
        "all": "every patch and no mask token",
        "masked": f"mask tokens for as many patches as its training masked, drawn from seed {settings.seed or 0}",
    }[settings.decoder_input]
    facts["notes"].append(
        f"the decoder is given {given} (--decoder-input {settings.decoder_input}); what the paper gave it is not known"
    )
    return Findings({NAME: leader.table()}, {}, facts)


def draw(findings: Findings, summary: pd.DataFrame) -> Figure:
    """The figure, from the findings alone.

    Args:
        findings: of `measure`, or read back.
        summary: of the table, by `study.summary`.
    """
    from .figures.fourier_decoder import decoder_figure

    return decoder_figure(findings, summary)


def amplitudes(
    network: MaskedAutoencoder, batches: Iterable[Any], numbers: np.ndarray, *, decoder_input: str, seed: int
) -> Arrays:
    """Per-image values of some images, as `study.packed`: the encoder's on the whole images, then the decoder's.

    Args:
        network: on its device.
        batches: of images and labels.
        numbers: of these images in the collection; with the seed they decide the masks.
        decoder_input: all or masked.
        seed: of the masks.
    """
    import torch

    from study.packed import packed

    tables: list[pd.DataFrame] = []
    parameter = next(network.parameters())
    with torch.inference_mode():
        for pixels, _ in batches:
            own, numbers = numbers[: len(pixels)], numbers[len(pixels) :]
            tables += _of_batch(network, pixels.to(parameter.device, parameter.dtype), own, decoder_input, seed)
    return packed(pd.concat(tables, ignore_index=True).assign(head=-1, component=-1, convention=""))


def _of_batch(
    network: MaskedAutoencoder, pixels: Tensor, numbers: np.ndarray, decoder_input: str, seed: int
) -> list[pd.DataFrame]:
    from models import TokenLayout, token_layout

    layout = token_layout(network.encoder)
    of_encoder, given = _amplitudes(network.encoder, lambda: network.whole(pixels), layout, first=0)
    if decoder_input == "masked":
        given = network.latent(pixels, numbers.tolist(), seed)
    decoder = network.decoder
    of_patches = TokenLayout(class_tokens=1, registers=0, grid=network.grid, patch_size=decoder.patch_size)
    depth = len(network.encoder.blocks)
    of_decoder, _ = _amplitudes(decoder, lambda: decoder(*given), of_patches, first=depth)
    return [
        pd.DataFrame({"metric": metric, "depth": depth, "image": numbers, "value": values.numpy()})
        for metric, found in ((ENCODER, of_encoder), (DECODER, of_decoder))
        for depth, values in found.items()
    ]


def _amplitudes(model: Any, call: Callable[[], Any], layout: Any, *, first: int) -> tuple[dict[int, Tensor], Any]:
    """Of each image at what enters the first block and what leaves each, by depth; and what the call returned."""
    from models import tap

    from .measuring.depth_metrics import highest_frequency

    found: dict[int, Tensor] = {}

    def take(layer: int, point: str, tokens: Tensor) -> None:
        depth = first if point == "embedding" else first + layer + 1
        patches = tokens[:, layout.prefix :]
        found[depth] = highest_frequency(patches, grid=layout.grid).double().cpu()

    options = {"blocks": list(model.blocks), "layout": layout}
    with tap(model, points=["embedding", "after_mlp"], on_tokens=take, **options):
        returned = call()
    return found, returned
