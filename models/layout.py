"""Where the tokens of a ViT come from: how many stand in front, and which patch each of the others is."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import nn


@dataclasses.dataclass(frozen=True)
class TokenLayout:
    """The order of a ViT's tokens: class tokens, then registers, then the patches row by row.

    Attributes:
        class_tokens: number of class tokens (2 in distilled models, whose second one is the distillation token).
        registers: number of register tokens.
        grid: (rows, columns) of the patch grid.
        patch_size: side of a patch in input pixels, or (height, width) where they differ.
    """

    class_tokens: int
    registers: int
    grid: tuple[int, int]
    patch_size: int | tuple[int, int]

    @property
    def prefix(self) -> int:
        """Number of tokens in front of the patches."""
        return self.class_tokens + self.registers

    @property
    def patches(self) -> int:
        """Number of patch tokens."""
        return self.grid[0] * self.grid[1]

    def for_image(self, height: int, width: int, tokens: int) -> TokenLayout:
        """The layout of images of another size.

        Args:
            height, width: of the images, in pixels.
            tokens: number of tokens that the model made of one image.
        Raises:
            ValueError: these images cannot give so many tokens with this prefix and patch size.
        """
        patch_height, patch_width = pair(self.patch_size)
        whole = (height // patch_height, width // patch_width)
        padded = (-(-height // patch_height), -(-width // patch_width))
        for grid in (whole, padded):
            if self.prefix + grid[0] * grid[1] == tokens:
                return dataclasses.replace(self, grid=grid)
        raise ValueError(
            f"images of {height} x {width} px in patches of {patch_height} x {patch_width} px make "
            f"{whole[0] * whole[1]} patches and, with {self.prefix} prefix tokens, "
            f"{self.prefix + whole[0] * whole[1]} tokens, but the blocks saw {tokens}: "
            "pass layout=TokenLayout(class_tokens, registers, grid, patch_size) that fits this model"
        )


def token_layout(model: nn.Module) -> TokenLayout:
    """The token layout of a timm, transformers or torchvision ViT at the image size it was built for.

    Raises:
        ValueError: the model does not say what its tokens are; give `layout=` to `tap` or `measure` instead.
    """
    bare = innermost(model)
    for read in (_of_timm, _of_torchvision, _of_transformers):
        layout = read(bare)
        if layout is not None:
            return layout
    raise ValueError(
        f"{type(bare).__name__} does not say what its tokens are (it is no ViT of timm, transformers or "
        "torchvision): pass layout=TokenLayout(class_tokens=..., registers=..., grid=(rows, columns), "
        "patch_size=...)"
    )


def seen_layout(
    model: nn.Module, layout: TokenLayout | None, image_size: tuple[int, int] | None, tokens: int
) -> TokenLayout:
    """The layout of images that went through.

    Args:
        model: tells its layout, where the caller gives none.
        layout: the caller's.
        image_size: (height, width) of the images in pixels, where that could be seen.
        tokens: number of tokens that the blocks saw.
    Raises:
        ValueError: the layout does not fit the number of tokens.
    """
    known = token_layout(model) if layout is None else layout
    fits = known.prefix + known.patches == tokens
    if image_size is not None and (layout is None or not fits):
        return known.for_image(*image_size, tokens)
    if not fits:
        raise ValueError(
            f"the blocks saw {tokens} tokens, but {known} has {known.prefix + known.patches}: pass layout=TokenLayout("
            "class_tokens, registers, grid, patch_size) of these very images"
        )
    return known


def innermost(model: nn.Module) -> nn.Module:
    """The model itself, without the wrappers of torch.compile and DistributedDataParallel."""
    while True:
        wrapped = getattr(model, "_orig_mod", None)
        if wrapped is None and isinstance(model, nn.parallel.DistributedDataParallel):
            wrapped = model.module
        if wrapped is None:
            return model
        model = wrapped


def pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a size given as one number or as two."""
    if isinstance(size, int):
        return size, size
    height, width = size
    return int(height), int(width)


def _patch_size(height: int, width: int) -> int | tuple[int, int]:
    return height if height == width else (height, width)


def _of_timm(model: nn.Module) -> TokenLayout | None:
    embed: Any = getattr(model, "patch_embed", None)
    prefix: Any = getattr(model, "num_prefix_tokens", None)
    if embed is None or prefix is None:
        return None
    register_table = getattr(model, "reg_token", None)
    registers = 0 if register_table is None else register_table.shape[1]
    ratio = embed.feat_ratio(as_scalar=False)  # of a hybrid embedding this counts the stem's strides too
    size = getattr(embed, "img_size", None)
    grid = (0, 0) if size is None else tuple(side // step for side, step in zip(pair(size), ratio, strict=True))
    return TokenLayout(prefix - registers, registers, (grid[0], grid[1]), _patch_size(*ratio))


def _of_torchvision(model: nn.Module) -> TokenLayout | None:
    side: Any = getattr(model, "image_size", None)
    patch: Any = getattr(model, "patch_size", None)
    if not (isinstance(side, int) and isinstance(patch, int) and getattr(model, "class_token", None) is not None):
        return None
    return TokenLayout(1, 0, (side // patch, side // patch), patch)


def _of_transformers(model: nn.Module) -> TokenLayout | None:
    config: Any = getattr(model, "config", None)
    if not isinstance(getattr(config, "patch_size", None), int | tuple | list):
        return None
    height, width = pair(config.image_size)
    patch_height, patch_width = pair(config.patch_size)
    names = {name.rsplit(".", 1)[-1] for name, _ in model.named_parameters()}
    class_tokens = len(names & {"cls_token", "class_embedding", "distillation_token"})
    registers = getattr(config, "num_register_tokens", 0) or 0
    grid = (height // patch_height, width // patch_width)
    return TokenLayout(class_tokens, registers, grid, _patch_size(patch_height, patch_width))
