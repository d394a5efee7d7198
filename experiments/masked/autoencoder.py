"""An encoder with what paints behind its mask: MAE's decoder or SimMIM's head, on masks drawn from a seed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor, nn

from models import load_decoder, token_layout
from models.decoder import Decoder, images_from_patches, patches_from_images
from models.pixel_head import PixelHead, load_pixel_head
from pretraining.data.masks import block_mask, token_noise
from pretraining.objectives.mae import kept_count, patch_statistics, visible_tokens
from study.provenance import weights_hash

from ..settings import Settings


class MaskedAutoencoder(nn.Module):
    """MAE: encoder and decoder.

    Args:
        encoder: a ViT of timm with one class token.
        decoder: of the same training.
    """

    def __init__(self, encoder: Any, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.grid = token_layout(encoder).grid
        self.kept = kept_count(self.grid[0] * self.grid[1], decoder.ratio)
        self.told = decoder.normalised is not None
        self.normalised = decoder.normalised is not False  # where the file does not say: as MAE's recipe has it
        self.eval()

    def weights(self) -> str:
        """Hash of the decoder's parameters, for the manifest."""
        return weights_hash(self.decoder)

    def hidden(self, image: int, seed: int) -> Bool[Tensor, " patch"]:
        """The patches of an image that are masked."""
        return self._order(image, seed).argsort() >= self.kept

    def latent(self, images: Tensor, numbers: Sequence[int], seed: int) -> tuple[Tensor, Int64[Tensor, "batch patch"]]:
        """Normed tokens of an encoder that sees only what is not masked, and each patch's place in their order.

        Args:
            images: normalised.
            numbers: of the images in the collection; with the seed they decide the masks.
            seed: of the masks.
        """
        order = torch.stack([self._order(number, seed) for number in numbers]).to(images.device)
        return visible_tokens(self.encoder, images, order[:, : self.kept]), order.argsort(dim=1)

    def whole(self, images: Tensor) -> tuple[Tensor, Int64[Tensor, "batch patch"]]:
        """Normed tokens of an encoder that sees every patch, in their own order."""
        places = torch.arange(self.grid[0] * self.grid[1], device=images.device)
        return self.encoder.forward_features(images), places.expand(len(images), -1)

    def painted(self, images: Tensor, numbers: Sequence[int], seed: int) -> Tensor:
        """Images in normalised pixels; what was normalised within each patch, with the true patches' statistics."""
        prediction = self.decoder(*self.latent(images, numbers, seed)).float()
        size = self.decoder.patch_size
        if self.normalised:
            mean, deviation = patch_statistics(patches_from_images(images.float(), patch_size=size))
            prediction = prediction * deviation + mean
        return images_from_patches(prediction, grid=self.grid, patch_size=size)

    def _order(self, image: int, seed: int) -> Int64[Tensor, " patch"]:
        """Patches by their noise, the visible ones first."""
        noise = token_noise(self.grid[0] * self.grid[1], generator=np.random.default_rng((seed, image)))
        return torch.from_numpy(noise).argsort()


class MaskedPainter(nn.Module):
    """SimMIM: an encoder that sees mask tokens, and a linear head.

    Args:
        encoder: a ViT of timm.
        head: of the same training.
    """

    def __init__(self, encoder: Any, head: PixelHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.grid = token_layout(encoder).grid
        self.told, self.normalised = True, False
        self.eval()

    def weights(self) -> str:
        """Hash of the head's parameters, for the manifest."""
        return weights_hash(self.head)

    def hidden(self, image: int, seed: int) -> Bool[Tensor, " patch"]:
        """The patches of an image that are masked."""
        height, width = (side * self.head.patch_size for side in self.grid)
        if height != width:
            raise ValueError(f"SimMIM masks square images; this encoder takes {height} x {width} pixels")
        mask = block_mask(
            image_size=height,
            mask_patch=self.head.mask_patch,
            patch_size=self.head.patch_size,
            ratio=self.head.ratio,
            generator=np.random.default_rng((seed, image)),
        )
        return torch.from_numpy(mask).flatten().bool()

    def painted(self, images: Tensor, numbers: Sequence[int], seed: int) -> Tensor:
        """Images in normalised pixels."""
        mask = torch.stack([self.hidden(number, seed) for number in numbers]).to(images.device)
        with self._mask_tokens(mask):
            tokens = self.encoder.forward_features(images)
        patches = tokens[:, tokens.shape[1] - mask.shape[1] :]
        return self.head(patches, grid=self.grid).float()

    @contextlib.contextmanager
    def _mask_tokens(self, mask: Bool[Tensor, "batch patch"]) -> Iterator[None]:
        """While open, the mask token stands in the place of masked patches, before positions are added."""

        def masked(module: nn.Module, inputs: Any, tokens: Tensor) -> Tensor:
            return torch.where(mask.reshape(*tokens.shape[:-1], 1), self.head.mask_token, tokens)

        handle = self.encoder.patch_embed.register_forward_hook(masked)
        try:
            yield
        finally:
            handle.remove()


def masked_autoencoder(name: str, encoder: nn.Module, num_heads: int | None = None) -> MaskedAutoencoder:
    """MAE of a loaded encoder and its decoder.

    Args:
        name: as the user typed it.
        encoder: loaded from it.
        num_heads: of the encoder, as the user gave it; taken for the decoder's too where a file of a size that was
            never published does not tell them.
    Raises:
        OSError: the decoder's file cannot be had.
        ValueError: there is no decoder for this name, or it is of another training.
    """
    decoder = _decoder(name, num_heads)
    patches, width = decoder.pos_embed.shape[1] - 1, decoder.embed.in_features
    layout = token_layout(encoder)
    if (layout.patches, encoder.embed_dim) != (patches, width):
        raise ValueError(
            f"{name}: the decoder is for {patches} patches of {width} channels, the encoder has {layout.patches} of "
            f"{encoder.embed_dim}"
        )
    return MaskedAutoencoder(encoder, decoder)


def _decoder(name: str, num_heads: int | None) -> Decoder:
    """The decoder with the heads that its file tells or its size was published with, else with as many as given."""
    try:
        return load_decoder(name)
    except ValueError:
        if num_heads is None or not Path(name).is_file():
            raise
        return load_decoder(name, num_heads=num_heads)


Load = Callable[[str, Any, int | None], Any]
"""From (name as the user typed it, encoder, number of heads that the user gave) to the network."""


def opening(load: Load, loaded: Mapping[str, Any], settings: Settings) -> Callable[[str, Any], Any]:
    """`load` as `study.measurement` calls it: with the name that the figure shows and the encoder.

    Args:
        load: `masked_autoencoder` or `painter`.
        loaded: encoders by the names that the figure shows, in the order of `settings.models`.
        settings: of the run.
    """
    typed = dict(zip(loaded, settings.models or loaded, strict=True))
    return functools.partial(_opened, load=load, typed=typed, num_heads=settings.num_heads)


def _opened(name: str, encoder: Any, *, load: Load, typed: Mapping[str, str], num_heads: int | None) -> Any:
    return load(typed[name], encoder, num_heads)


def with_decoders(
    opened: Callable[[str, Any], Any], loaded: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The networks of the models that have one, and why the others have none.

    Args:
        opened: of `opening`.
        loaded: encoders by the names that the figure shows.
    """
    found, refused = {}, {}
    for name, encoder in loaded.items():
        try:
            found[name] = opened(name, encoder)
        except (OSError, ValueError) as error:
            refused[name] = str(error)
    return found, refused


def encoder_of(network: Any) -> Any:
    """The ViT in it."""
    return network.encoder


def painter(name: str, encoder: nn.Module, num_heads: int | None = None) -> MaskedAutoencoder | MaskedPainter:
    """What paints behind the mask: MAE's decoder, else SimMIM's head.

    Raises:
        OSError: the file cannot be had.
        ValueError: there is neither for this name.
    """
    try:
        return masked_autoencoder(name, encoder, num_heads)
    except ValueError as no_decoder:
        try:
            return MaskedPainter(encoder, load_pixel_head(name))
        except ValueError as no_head:
            raise ValueError(f"{no_decoder}; {no_head}") from None
