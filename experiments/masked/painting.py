"""What one model paints behind its masks: errors of all images, and some of them as a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from einops import rearrange
from jaxtyping import Bool, Float
from PIL import Image
from timm.data import resolve_model_data_config
from torch import Tensor

from models.decoder import images_from_patches, patches_from_images
from pretraining.watching.reconstructions import GREY, mosaic
from study.data import Images

from ..measuring.models_and_images import batches_of, placed
from ..settings import Settings

COLOURS = 3


@dataclasses.dataclass(frozen=True)
class Painting:
    """What came out for one model.

    Attributes:
        table: per-image errors, columns of `study.record`.
        picture: rows of originals, masked and painted images.
        share: of the patches that was masked, mean over images.
    """

    table: pd.DataFrame
    picture: Image.Image
    share: float

    @classmethod
    def of(
        cls, name: str, network: Any, images: Images, settings: Settings, device: torch.device, shown: Sequence[int]
    ) -> Painting:
        """One pass.

        Args:
            name: of the model in the table.
            network: of `experiments.masked.autoencoder.painter`.
            images: of `open_images`.
            settings: of the run.
            device: to run on.
            shown: numbers of the images in the picture.
        """
        encoder, seed = network.encoder, settings.seed or 0
        errors: dict[str, list[Tensor]] = {}
        tiles, shares, first = [], [], 0
        with placed(network, settings, device), torch.inference_mode():
            for batch, _ in batches_of(name, encoder, images, settings):
                numbers = range(first, first + len(batch))
                first += len(batch)
                painted = network.painted(batch.to(device, getattr(torch, settings.dtype)), numbers, seed).cpu()
                hidden = torch.stack([network.hidden(number, seed) for number in numbers])
                shares.append(hidden.double().mean(dim=1))
                for metric, values in masked_errors(batch, painted, hidden, grid=network.grid).items():
                    errors.setdefault(metric, []).append(values)
                chosen = [place for place, number in enumerate(numbers) if number in shown]
                tiles.append(_tiles(encoder, batch[chosen], painted[chosen], hidden[chosen], network.grid))
        depth = len(encoder.blocks)
        table = pd.concat([_rows(metric, torch.cat(values)) for metric, values in errors.items()], ignore_index=True)
        table = table.assign(model=name, depth=depth, head=-1, component=-1, convention="")
        picture = Image.fromarray(mosaic(torch.cat(tiles, dim=1)).numpy())
        return cls(table, picture, float(torch.cat(shares).mean()))


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
        each masked patch's own true mean, colours together. 0 where the painted pixels are the true ones.
    """
    size = images.shape[-1] // grid[1]
    true, guess = (patches_from_images(one.double(), patch_size=size) for one in (images, painted))
    pixels = rearrange(true, "batch patch (pixel colour) -> batch patch pixel colour", colour=COLOURS)
    visible = (~hidden).double()[:, :, None, None]
    colour = (pixels * visible).sum(dim=(1, 2)) / (visible.sum(dim=(1, 2)) * pixels.shape[2])
    flat = colour[:, None, None].expand_as(pixels).flatten(2)
    guesses = {"error": guess, "visible_mean": flat, "patch_mean": true.mean(dim=-1, keepdim=True)}
    count = hidden.sum(dim=1) * true.shape[2]
    return {name: ((one - true).square() * hidden[..., None]).sum(dim=(1, 2)) / count for name, one in guesses.items()}


def _rows(metric: str, values: Tensor) -> pd.DataFrame:
    return pd.DataFrame({"image": range(len(values)), "metric": metric, "value": values.numpy()})


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
