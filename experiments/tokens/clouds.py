"""Tokens of one image and of two before and after a self-attention, as tables of coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from torch import Tensor

    from study.data import Images

COMPONENTS = 3
POINTS = ("before_attention", "after_attention")


def two_images(images: Images) -> list[int]:
    """Numbers of the images shown: the first of two classes, else the first and the middle one, or the only one."""
    labels = images.labels or (None,)
    other = next((number for number, label in enumerate(labels) if label != labels[0]), len(images) // 2)
    return sorted({0, other})


def token_clouds(
    model: Any, images: Images, pair: Sequence[int], depths: Sequence[int], basis: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Coordinates of the tokens of the first image and of both, each with axes of their own.

    Args:
        model: any plain ViT, in eval mode.
        images: of `open_images`.
        pair: numbers of one or two of them.
        depths: of the blocks, 1 ... L.
        basis: of `ops.token_transformation`.
    Returns:
        (depth, images, image, token, after, component_1 ... component_3), in units of the tokens: `images` is how many
        the axes were fitted to, `after` 0 or 1; and (depth, images, component, share) of the variance of the tokens
        fitted.
    """
    import torch

    import ops
    from study.patch_tokens import patch_tokens

    clouds: list[Any] = []
    axes: list[Any] = []
    for depth in depths:
        both = torch.stack([patch_tokens(model, images, pair, depth=depth, point=point) for point in POINTS]).double()
        for count in range(1, len(pair) + 1):
            tokens = both[:, :count]
            shown = torch.stack(ops.token_transformation(*tokens, components=COMPONENTS, basis=basis))
            fitted = {"joint": slice(None), "before": 0, "after": 1}[basis]
            shares = ops.explained_variance(tokens[fitted], projected=shown[fitted])
            clouds.append(_rows(shown, pair).assign(depth=depth, images=count))
            columns = {"component": range(1, COMPONENTS + 1), "share": shares.numpy()}
            axes.append(pd.DataFrame(columns).assign(depth=depth, images=count))
    found: tuple[Any, Any] = pd.concat(clouds, ignore_index=True), pd.concat(axes, ignore_index=True)
    points = ["depth", "images", "image", "token", "after", *_components()]
    return found[0][points], found[1][["depth", "images", "component", "share"]]


def _rows(shown: Tensor, pair: Sequence[int]) -> pd.DataFrame:
    """(when image token component) as a row for each token."""
    place = pd.MultiIndex.from_product(
        [range(2), pair[: shown.shape[1]], range(shown.shape[2])], names=["after", "image", "token"]
    ).to_frame(index=False)
    place[_components()] = shown.flatten(0, 2).numpy()
    return place


def _components() -> list[str]:
    return [f"component_{number}" for number in range(1, COMPONENTS + 1)]
