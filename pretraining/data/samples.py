"""What a method sees of one image: its views and masks, drawn from (seed, epoch, index) alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from .._recipe_checks import require_choice
from ..methods import METHODS
from .augmented import AugmentedView
from .collections import Collection
from .masks import block_mask, token_noise
from .order import SAMPLE
from .substitutes import from_on, readable
from .views import View

if TYPE_CHECKING:
    from yacs.config import CfgNode

Sample = dict[str, np.ndarray]
Maker = Callable[[Image.Image, np.random.Generator], Sample]
Part = Callable[[Image.Image, np.random.Generator], np.ndarray]


def sample_maker(recipe: CfgNode) -> Maker:
    """Function from (RGB image, generator) to what the recipe's method sees of it.

    mocov3: view1, view2; simmim: image, mask; mae: image, noise; hybrid: all of mocov3 and simmim, at LAMBDA 0 or 1 of
    one of them; supervised and finetune: image. Views are (row, column, 3) in 8 bit, not yet normalised; that of
    finetune is (3, row, column) in float32 and normalised, as it is erased with noise. A mask is (row, column) on the
    patch grid, 1 = masked; a noise has one value for each patch.

    Raises:
        ValueError: an unknown method.
    """
    method = recipe.METHOD
    require_choice("METHOD", method)
    parts: dict[str, Part] = {}
    weight = recipe.HYBRID.LAMBDA if method == "hybrid" else 0.5  # of the contrastive views; what weighs 0 is not made
    if method in ("simmim", "mae") or (method == "hybrid" and weight < 1):
        parts["image"] = partial(_pixels, mim_view(recipe))
    if method == "simmim" or (method == "hybrid" and weight < 1):
        parts["mask"] = partial(_mask, _mask_sizes(recipe))
    if method == "mae":
        parts["noise"] = partial(_noise, (recipe.ENCODER.IMG_SIZE // recipe.ENCODER.PATCH_SIZE) ** 2)
    if method == "mocov3" or (method == "hybrid" and weight > 0):
        parts["view1"], parts["view2"] = (partial(_pixels, view) for view in contrastive_views(recipe))
    if method == "finetune":
        parts["image"] = AugmentedView(recipe)
    if method == "supervised":
        parts["image"] = partial(_pixels, supervised_view(recipe))
    return partial(_sample, parts)


def mim_view(recipe: CfgNode) -> View:
    """The crop and flip of masked image modelling; bicubic in MAE, bilinear in SimMIM, as the official code."""
    node = recipe.VIEWS.MIM
    bicubic = recipe.METHOD == "mae"
    return View(size=recipe.ENCODER.IMG_SIZE, scale=tuple(node.SCALE), flip=node.FLIP, bicubic=bicubic)


def contrastive_views(recipe: CfgNode) -> tuple[View, View]:
    """The two views of contrastive learning; they differ in blur and solarisation."""
    node = recipe.VIEWS.CONTRASTIVE
    first, second = (
        View(
            size=recipe.ENCODER.IMG_SIZE,
            scale=tuple(node.SCALE),
            flip=node.FLIP,
            jitter=tuple(node.JITTER),
            jitter_p=node.JITTER_P,
            grey=node.GREY,
            blur=node.BLUR[number],
            solarise=node.SOLARISE[number],
        )
        for number in (0, 1)
    )
    return first, second


def supervised_view(recipe: CfgNode) -> View:
    """The view of supervised training: crop, flip and, where the recipe asks for it, jitter."""
    node = recipe.VIEWS.SUPERVISED
    jitter = tuple(node.get("JITTER", ())) or (0.0, 0.0, 0.0, 0.0)
    jitter_p = node.get("JITTER_P", 1.0) if any(jitter) else 0.0
    return View(size=recipe.ENCODER.IMG_SIZE, scale=tuple(node.SCALE), flip=node.FLIP, jitter=jitter, jitter_p=jitter_p)


class Samples(Dataset):
    """Samples of a collection by (epoch, index): the same whoever asks, in which order, and how often.

    In place of a broken image stands the next readable one.

    Args:
        collection: the images.
        recipe: METHOD, SEED and what the views and masks are.
    Raises:
        ValueError: images without labels for a method that learns from them.
    """

    def __init__(self, collection: Collection, recipe: CfgNode) -> None:
        self.maker = sample_maker(recipe)
        self.labelled = METHODS[recipe.METHOD].labels
        if self.labelled and collection.labels is None:
            raise ValueError(
                f"METHOD={recipe.METHOD} needs labels, and {collection.where} has none; expected one folder for each "
                "class and no image outside them"
            )
        self.collection = collection
        self.seed = recipe.SEED
        self.broken: set[int] = set()

    def __len__(self) -> int:
        return len(self.collection)

    def __getitem__(self, place: tuple[int, int]) -> Sample:
        epoch, index = place
        generator = np.random.default_rng([SAMPLE, self.seed, epoch, index])
        index, image = readable(self.collection, from_on(index, len(self.collection)), self.broken)
        sample = {"index": np.int64(index), **self.maker(image, generator)}
        if self.labelled:
            sample["label"] = np.int64(self.collection.labels[index])
        return sample


class Batch:
    """Samples joined into tensors, pixels normalised once for all of them.

    Args:
        mean: of each channel in pixels from 0 to 1.
        std: of each channel.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = (torch.tensor(list(values), dtype=torch.float32) for values in (mean, std))

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        joined = {name: torch.from_numpy(np.stack([sample[name] for sample in samples])) for name in samples[0]}
        return {name: self._normalised(x) if x.dtype == torch.uint8 else x for name, x in joined.items()}

    def _normalised(
        self, pixels: UInt8[Tensor, "batch row column channel"]
    ) -> Float32[Tensor, "batch channel row column"]:
        scaled = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format).div_(255)
        return scaled.sub_(self.mean[:, None, None]).div_(self.std[:, None, None])


def _sample(parts: dict[str, Part], image: Image.Image, generator: np.random.Generator) -> Sample:
    return {name: part(image, generator) for name, part in parts.items()}


def _pixels(view: View, image: Image.Image, generator: np.random.Generator) -> np.ndarray:
    return np.asarray(view(image, generator))


def _mask(sizes: dict[str, Any], image: Image.Image, generator: np.random.Generator) -> np.ndarray:
    return block_mask(**sizes, generator=generator)


def _noise(tokens: int, image: Image.Image, generator: np.random.Generator) -> np.ndarray:
    return token_noise(tokens, generator=generator)


def _mask_sizes(recipe: CfgNode) -> dict[str, Any]:
    return {
        "image_size": recipe.ENCODER.IMG_SIZE,
        "mask_patch": recipe.SIMMIM.MASK_PATCH,
        "patch_size": recipe.ENCODER.PATCH_SIZE,
        "ratio": recipe.SIMMIM.RATIO,
    }
