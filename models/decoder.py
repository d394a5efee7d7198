"""MAE's decoder, built of timm blocks (timm has none), and the way from its output to an image."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int64
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from .checkpoints.blueprint import shape
from .checkpoints.card import card_of, keys_of
from .checkpoints.checkpoint import SUFFIXES, Checkpoint, read_checkpoint
from .checkpoints.decoder_card import decoder_beside, decoder_card
from .checkpoints.heads import head_count
from .checkpoints.pouring import pour
from .checkpoints.reading import recognised
from .weights.download import fetch
from .weights.registry import REGISTRY, entry

PUBLISHED_HEADS = {(512, 8): 16}
PUBLISHED_RATIO = 0.75  # of every published MAE
EPSILON = 1e-6  # of every LayerNorm in MAE
COLOURS = 3
_NAMES = {
    "decoder_embed": "embed",
    "decoder_pos_embed": "pos_embed",
    "decoder_blocks": "blocks",
    "decoder_norm": "norm",
    "decoder_pred": "pred",
    "mask_token": "mask_token",
}


class Decoder(nn.Module):
    """From the encoder's tokens of the visible patches to the pixels of all patches.

    Args:
        encoder_dim: width of the encoder.
        dim: width of the decoder.
        depth: number of blocks.
        num_heads: attention heads of each block.
        patches: number of patches of an image.
        patch_size: side of a patch in pixels.
        normalised: whether it paints pixels normalised once more within each patch; None where that is not known.
        ratio: share of the patches that was masked in the training.
    """

    def __init__(
        self,
        encoder_dim: int,
        *,
        dim: int,
        depth: int,
        num_heads: int,
        patches: int,
        patch_size: int,
        normalised: bool | None = None,
        ratio: float = PUBLISHED_RATIO,
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.normalised = normalised
        self.ratio = ratio
        self.embed = nn.Linear(encoder_dim, dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + 1, dim), requires_grad=False)
        norm: Any = partial(nn.LayerNorm, eps=EPSILON)
        self.blocks = nn.Sequential(*(Block(dim, num_heads, qkv_bias=True, norm_layer=norm) for _ in range(depth)))
        self.norm = norm(dim)
        self.pred = nn.Linear(dim, patch_size**2 * COLOURS)

    def forward(
        self, latent: Float[Tensor, "batch visible channel"], ids_restore: Int64[Tensor, "batch patch"]
    ) -> Float[Tensor, "batch patch pixel"]:
        """Pixels of every patch, ordered (row, column, colour) within a patch.

        Args:
            latent: normed tokens of the encoder, class token first, then visible patches in shuffled order.
            ids_restore: place of each patch in the shuffled order, in which the visible ones come first.
        Returns:
            In the units of the training target: normalised pixels (`visualize` files), or these normalised
            once more within each patch (`pretrain` files).
        """
        tokens = self.embed(latent)
        visible = tokens[:, 1:]
        masked = self.mask_token.expand(len(tokens), ids_restore.shape[1] - visible.shape[1], -1)
        shuffled = torch.cat([visible, masked], dim=1)
        patches = shuffled.gather(1, ids_restore.unsqueeze(-1).expand_as(shuffled))
        tokens = torch.cat([tokens[:, :1], patches], dim=1) + self.pos_embed
        return self.pred(self.norm(self.blocks(tokens)))[:, 1:]


def load_decoder(name: str | os.PathLike[str], *, num_heads: int | None = None, progress: bool = True) -> Decoder:
    """MAE's decoder in eval mode, from the `full` or `visualize` weights, without the encoder.

    Args:
        name: "mae", "mini-mae", a name like `vit_large_patch16_224.mae_visualize`, or the path of such a file, of a
            checkpoint of this project's MAE, or of an exported encoder with NAME_decoder.safetensors beside it.
        num_heads: of the decoder, for files of others in sizes that were never published (16 for the published
            512 x 8).
        progress: show a bar while downloading.
    Raises:
        OSError: the file is missing or cannot be fetched.
        ValueError: the file holds no decoder.

    Example: `decoder(latent, ids_restore)` gives pixels, `images_from_patches` puts them together.
    """
    path, normalised = _decoder_file(name, progress)
    checkpoint = read_checkpoint(path)
    state = _decoder_state(checkpoint.payload.get("model", checkpoint.payload))
    _require_decoder(checkpoint, state)
    card = decoder_card(checkpoint)
    try:
        dim, encoder_dim = shape(state, "embed.weight", 2)
        patches = shape(state, "pos_embed", 3)[1] - 1
        patch_size = round((shape(state, "pred.weight", 2)[0] / COLOURS) ** 0.5)
    except ValueError as error:
        raise ValueError(f"{path} (decoder): {error}") from None
    depth = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))
    told = None if card is None else card.num_heads
    heads = head_count(num_heads, dim=dim, depth=depth, told=told, published=PUBLISHED_HEADS, file=f"{path} (decoder)")
    with torch.random.fork_rng(devices=[]):
        decoder = Decoder(
            encoder_dim,
            dim=dim,
            depth=depth,
            num_heads=heads,
            patches=patches,
            patch_size=patch_size,
            normalised=normalised if card is None else card.normalised,
            ratio=PUBLISHED_RATIO if card is None else card.ratio,
        )
    pour(state, decoder, file=str(path))
    return decoder.eval()


def _decoder_file(name: str | os.PathLike[str], progress: bool) -> tuple[Path, bool | None]:
    """The file, and of published ones whether the decoder paints pixels normalised within each patch."""
    text = os.fspath(name)
    path = Path(text).expanduser()
    if not isinstance(name, str) or os.sep in text or path.suffix in SUFFIXES or path.is_file():
        return decoder_beside(path) or path, _by_file_name(path.name)
    weights = entry(text)
    packaged = decoder_beside(fetch(weights)) if weights.packaged and weights.name.endswith(".mae") else None
    if packaged is not None:
        return packaged, None
    if weights.family == "mae" and weights.name.endswith(".mae"):
        weights = REGISTRY[f"{weights.name}_full"]  # the same training, published with its decoder
    if ".mae_full" not in weights.name and ".mae_visualize" not in weights.name:
        raise ValueError(
            f"name={text!r} has no decoder; expected 'mae', 'mini-mae' or one that "
            "`python -m models list '*mae_[fv]*'` shows"
        )
    return fetch(weights, progress=progress), ".mae_full" in weights.name


def _by_file_name(name: str) -> bool | None:
    """Whether an official file paints pixels normalised within each patch; None for names of others."""
    if name.startswith("mae_visualize_"):
        return False
    return True if name.startswith("mae_pretrain_") and name.endswith("_full.pth") else None


def _require_decoder(checkpoint: Checkpoint, state: Mapping[str, Tensor]) -> None:
    if "pred.weight" in state:
        return
    raise ValueError(
        f"{checkpoint.path}{_kind(checkpoint)} has no decoder of MAE; MAE's files named *_full.pth and "
        "mae_visualize_*, and this project's checkpoints of mae, have one"
    )


def _kind(checkpoint: Checkpoint) -> str:
    """What a file is, for an error; nothing where its keys do not tell."""
    try:
        reading = recognised(checkpoint, family=keys_of(card_of(checkpoint)))
    except ValueError:
        return ""
    return f" ({reading.family.title}, {reading.format.name})"


def _decoder_state(weights: Mapping[str, Any]) -> dict[str, Tensor]:
    """The decoder's weights under the names of `Decoder`."""
    state = {}
    for key, value in weights.items():
        head, _, rest = key.partition(".")
        if head in _NAMES:
            state[f"{_NAMES[head]}.{rest}" if rest else _NAMES[head]] = value
    return state


def images_from_patches(
    patches: Float[Tensor, "batch patch pixel"], *, grid: tuple[int, int], patch_size: int
) -> Float[Tensor, "batch colour height width"]:
    """Images from the pixels of their patches, in the units of the patches.

    Args:
        patches: row by row over the grid; within a patch ordered (row, column, colour).
        grid: (rows, columns).
        patch_size: side in pixels.
    """
    return rearrange(
        patches,
        "batch (row column) (y x colour) -> batch colour (row y) (column x)",
        row=grid[0],
        column=grid[1],
        y=patch_size,
        x=patch_size,
    )


def patches_from_images(
    images: Float[Tensor, "batch colour height width"], *, patch_size: int
) -> Float[Tensor, "batch patch pixel"]:
    """Pixels of the patches of images, the inverse of `images_from_patches` and the target of MAE's loss."""
    return rearrange(
        images,
        "batch colour (row y) (column x) -> batch (row column) (y x colour)",
        y=patch_size,
        x=patch_size,
    )
