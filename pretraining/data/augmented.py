"""The view of fine-tuning: timm's crop, flip, automatic augmentation and random erasing, from one generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from PIL import Image
from timm.data import create_transform  # pyright: ignore[reportPrivateImportUsage]

from ..seeded import SEEDS, seeded

if TYPE_CHECKING:
    from yacs.config import CfgNode


class AugmentedView:
    """A normalised random view of an image, as timm's training transform makes it.

    In this order: crop of a random share (bicubic), flip, automatic augmentation, erasing of one rectangle with
    normal noise. The transform reads global generators, which are seeded for it and put back.

    Args:
        recipe: VIEWS.FINETUNE, ENCODER.IMG_SIZE and the normalisation.
    Raises:
        ValueError: timm does not know the augmentation.
    Source: Cubuk et al. 2020 (RandAugment, arXiv:1909.13719), Zhong et al. 2020 (random erasing, arXiv:1708.04896),
        in timm's form, as the fine-tuning of MAE and SimMIM has it.
    """

    def __init__(self, recipe: CfgNode) -> None:
        node = recipe.VIEWS.FINETUNE
        try:
            self.transform: Any = create_transform(
                recipe.ENCODER.IMG_SIZE,
                is_training=True,
                scale=tuple(node.SCALE),
                hflip=node.FLIP,
                color_jitter=None,  # pyright: ignore[reportArgumentType]  (timm means: none at all)
                auto_augment=node.AUGMENT or None,
                re_prob=node.ERASING,
                re_mode="pixel",
                interpolation="bicubic",
                mean=tuple(recipe.DATA.MEAN),
                std=tuple(recipe.DATA.STD),
            )
        except (AssertionError, KeyError, ValueError) as error:
            raise ValueError(
                f"VIEWS.FINETUNE.AUGMENT is {node.AUGMENT!r}, which timm cannot read ({error}); expected '' or timm's "
                "auto_augment, such as rand-m9-mstd0.5-inc1"
            ) from error

    def __call__(self, image: Image.Image, generator: np.random.Generator) -> Float32[np.ndarray, "channel row column"]:
        """One view of an RGB image; the generator gives one number, from which everything else is drawn."""
        with seeded(int(generator.integers(SEEDS))):
            return self.transform(image).numpy()
