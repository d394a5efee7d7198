"""What one model paints behind its masks: errors of all images, and some of them as a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from einops import rearrange
from jaxtyping import Bool, Float
from PIL import Image
from timm.data import resolve_model_data_config
from torch import Tensor

from models.decoder import images_from_patches, patches_from_images
from pretraining.watching.reconstructions import GREY, mosaic
from study.packed import Arrays, packed

COLOURS = 3


def painted(network: Any, batches: Iterable[Any], numbers: np.ndarray, *, seed: int, shown: Sequence[int]) -> Arrays:
    """What a model paints behind the masks of some images.

    Args:
        network: of `experiments.masked.autoencoder.painter`, on its device.
        batches: of images and labels.
        numbers: of these images in the collection; with the seed they decide the masks.
        seed: of the masks.
        shown: numbers of the images in the picture.
    Returns:
        Per-image errors as `study.packed`; `share` (image), of the patches that was masked; `tiles` (3 shown height
        width 3), in 8 bit, of those that are shown.
    """
    parameter = next(network.parameters())
    errors: dict[str, list[Tensor]] = defaultdict(list)
    tiles, shares, left = [], [], numbers
    with torch.inference_mode():
        for batch, _ in batches:
            own, left = left[: len(batch)].tolist(), left[len(batch) :]
            paint = network.painted(batch.to(parameter.device, parameter.dtype), own, seed).cpu()
            hidden = torch.stack([network.hidden(number, seed) for number in own])
            shares.append(hidden.double().mean(dim=1))
            for metric, values in masked_errors(batch, paint, hidden, grid=network.grid).items():
                errors[metric].append(values)
            chosen = [place for place, number in enumerate(own) if number in shown]
            tiles.append(_tiles(network.encoder, batch[chosen], paint[chosen], hidden[chosen], network.grid))
    rows = [pd.DataFrame({"image": numbers, "metric": name, "value": torch.cat(one)}) for name, one in errors.items()]
    table = pd.concat(rows, ignore_index=True)
    table = table.assign(depth=len(network.encoder.blocks), head=-1, component=-1, convention="")
    return {**packed(table), "share": torch.cat(shares).numpy(), "tiles": torch.cat(tiles, dim=1).numpy()}


def picture_and_share(parts: Iterable[Arrays]) -> tuple[Image.Image, float]:
    """Rows of originals, masked and painted images; and the share of the patches that was masked, mean over images.

    Args:
        parts: of `painted`, in the order of the images.
    """
    tiles, masked, images = [], 0.0, 0
    for part in parts:
        tiles.append(torch.from_numpy(part["tiles"]))
        masked, images = masked + float(part["share"].sum()), images + len(part["share"])
    return Image.fromarray(mosaic(torch.cat(tiles, dim=1)).numpy()), masked / images


def masked_errors(
    images: Float[Tensor, "batch 3 height width"],
    painted: Float[Tensor, "batch 3 height width"],
    hidden: Bool[Tensor, "batch patch"],
    *,
    grid: tuple[int, int],
) -> dict[str, Float[Tensor, " batch"]]:
    """Mean squared error over the pixels of masked patches, in squared units of the images, one value for each image.

        error[b] = mean over masked patches p, pixels i of (painted[b, p, i] - images[b, p, i])^2

    Args:
        images: normalised.
        painted: the same units; what stands in visible patches does not count.
        hidden: which patches are masked, row by row.
        grid: (rows, columns) of the patches.
    Returns:
        `error`; `visible_mean`, of the mean colour of the image's visible pixels in all masked ones; `patch_mean`, of
        each masked patch's own true mean, colours together. 0 where the painted pixels are the true ones. And by how
        much the latter two exceed `error`: `visible_mean_excess`, `patch_mean_excess`, below 0 where they are better.
    """
    size = images.shape[-1] // grid[1]
    true, guess = (patches_from_images(one.double(), patch_size=size) for one in (images, painted))
    pixels = rearrange(true, "batch patch (pixel colour) -> batch patch pixel colour", colour=COLOURS)
    visible = (~hidden).double()[:, :, None, None]
    colour = (pixels * visible).sum(dim=(1, 2)) / (visible.sum(dim=(1, 2)) * pixels.shape[2])
    flat = colour[:, None, None].expand_as(pixels).flatten(2)
    guesses = {"error": guess, "visible_mean": flat, "patch_mean": true.mean(dim=-1, keepdim=True)}
    count = hidden.sum(dim=1) * true.shape[2]
    errors = {
        name: ((one - true).square() * hidden[..., None]).sum(dim=(1, 2)) / count for name, one in guesses.items()
    }
    return errors | {f"{name}_excess": errors[name] - errors["error"] for name in ("visible_mean", "patch_mean")}


def _tiles(encoder: Any, images: Tensor, painted: Tensor, hidden: Tensor, grid: tuple[int, int]) -> Tensor:
    """(3 image height width 3) in 8 bit: originals, with grey masks, painted where masked and original elsewhere."""
    config = resolve_model_data_config(encoder)
    scale, shift = (torch.tensor(config[name])[:, None, None] for name in ("std", "mean"))
    size = images.shape[-1] // grid[1]
    everywhere = hidden[:, :, None].expand(-1, -1, size**2 * COLOURS)
    mask = images_from_patches(everywhere.float(), grid=grid, patch_size=size).bool()
    original, paint = ((one.float() * scale + shift).clamp(0, 1) for one in (images, painted))
    rows = torch.stack([original, original.masked_fill(mask, GREY), torch.where(mask, paint, original)])
    return (rows * 255).round().to(torch.uint8).permute(0, 1, 3, 4, 2)
