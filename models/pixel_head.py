"""SimMIM's head: the token that stands for masked patches, and one linear layer from a patch's token to its pixels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .checkpoints.blueprint import shape
from .checkpoints.checkpoint import SUFFIXES, read_checkpoint
from .checkpoints.decoder_card import decoder_beside, decoder_card
from .checkpoints.pouring import pour
from .weights.download import fetch
from .weights.registry import entry

COLOURS = 3
PUBLISHED_RATIO = 0.6
PUBLISHED_BLOCK = 32  # pixels
_NAMES = {"decoder.0.weight": "linear.weight", "decoder.0.bias": "linear.bias", "encoder.mask_token": "mask_token"}


class PixelHead(nn.Module):
    """From the tokens of an encoder that saw mask tokens to the pixels of all patches.

    Args:
        dim: width of the encoder.
        patch_size: side of a patch in pixels.
        ratio: share of the patches that was masked in the training.
        mask_patch: side of a masked block in pixels.
    """

    def __init__(self, dim: int, *, patch_size: int, ratio: float, mask_patch: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.ratio = ratio
        self.mask_patch = mask_patch
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.linear = nn.Conv2d(dim, patch_size**2 * COLOURS, kernel_size=1)

    def forward(
        self, tokens: Float[Tensor, "batch token channel"], *, grid: tuple[int, int]
    ) -> Float[Tensor, "batch colour height width"]:
        """Images in normalised pixels.

        Args:
            tokens: normed patch tokens of the encoder.
            grid: (rows, columns) of the patch grid.
        """
        return nn.functional.pixel_shuffle(self.linear(tokens.mT.unflatten(2, grid)), self.patch_size)


def load_pixel_head(name: str | os.PathLike[str], *, progress: bool = True) -> PixelHead:
    """SimMIM's head in eval mode, from its pre-training weights, without the encoder.

    Args:
        name: "simmim", "mini-simmim", "mini-hybrid", or the path of SimMIM's file, of a checkpoint of this project's
            SimMIM or hybrid, or of an exported encoder with NAME_decoder.safetensors beside it.
        progress: show a bar while downloading.
    Raises:
        OSError: the file is missing or cannot be fetched.
        ValueError: the file holds no such head.
    """
    path = _head_file(name, progress)
    checkpoint = read_checkpoint(path)
    state = _head_state(checkpoint.payload.get("model", checkpoint.payload), path)
    card = decoder_card(checkpoint)
    dim = shape(state, "mask_token", 3)[2]
    patch_size = round((shape(state, "linear.bias", 1)[0] / COLOURS) ** 0.5)
    ratio = PUBLISHED_RATIO if card is None else card.ratio
    block = PUBLISHED_BLOCK if card is None or card.mask_patch is None else card.mask_patch
    with torch.random.fork_rng(devices=[]):
        head = PixelHead(dim, patch_size=patch_size, ratio=ratio, mask_patch=block)
    pour(state, head, file=str(path))
    return head.eval()


def _head_file(name: str | os.PathLike[str], progress: bool) -> Path:
    text = os.fspath(name)
    path = Path(text).expanduser()
    if not isinstance(name, str) or os.sep in text or path.suffix in SUFFIXES or path.is_file():
        return decoder_beside(path) or path
    weights = entry(text)
    packaged = decoder_beside(fetch(weights)) if weights.packaged else None
    if packaged is not None:
        return packaged
    if weights.family != "simmim" or not weights.name.endswith(".simmim"):
        raise ValueError(f"name={text!r} has no pixel head; expected 'simmim', 'mini-simmim' or 'mini-hybrid'")
    return fetch(weights, progress=progress)


def _head_state(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The head's weights under the names of `PixelHead`."""
    blocks = [key for key in weights if key.startswith("decoder_blocks.")]
    missing = [key for key in _NAMES if key not in weights]
    if missing or blocks:
        why = f"it lacks {', '.join(missing)}" if missing else "it has blocks before the linear layer (decoder_blocks)"
        raise ValueError(
            f"{path}: no pixel head of SimMIM: {why}; SimMIM's pre-training files and this project's checkpoints of "
            "simmim, and of hybrid with HYBRID.DECODER_DEPTH 0, have one"
        )
    return {own: weights[key] for key, own in _NAMES.items()}
