"""Fine-tuning: the whole encoder and a new classifier learn from labels, and images are mixed with each other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from timm.data import Mixup  # pyright: ignore[reportPrivateImportUsage]
from torch import Tensor
from yacs.config import CfgNode

from ..encoder import Encoder
from ..seeded import SEEDS, seeded
from ._precision import at_least_float32
from .objective import Batch
from .supervised import Supervised


class Finetune(Supervised):
    """Encoder that has learned before, with a new classifier.

    Args:
        encoder: ends in the classifier.
        node: `recipe.FINETUNE`.
        classes: number of its outputs.
        start_sha256: of the encoder's weights when they were loaded; empty where it is new.

    Source: the official fine-tuning of SimMIM (arXiv:2111.09886) and MAE (arXiv:2111.06377).
    """

    keys = "timm"

    def __init__(self, encoder: Encoder, node: CfgNode, *, classes: int, start_sha256: str) -> None:
        super().__init__(encoder, smoothing=node.LABEL_SMOOTHING)
        self.start_sha256 = start_sha256
        self.mixing = _mixing(node, classes)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy of `image` and `label`; `accuracy` is the share of images whose largest class is found.

        While it trains, all images of a batch are mixed with the reversed batch in one proportion, which is drawn from
        torch's global generator.
        """
        if self.mixing is None or not self.training:
            return super().forward(batch)
        images, target = mixed(self.mixing, batch["image"], batch["label"])  # pyright: ignore[reportCallIssue]
        logits = at_least_float32(self.encoder(images))
        right = (logits.detach().argmax(1) == target.argmax(1)).to(logits.dtype)
        return {"loss": F.cross_entropy(logits, target.to(logits.dtype)), "accuracy": right.mean()}


@torch.compiler.disable
def mixed(
    mixing: Mixup, images: Float[Tensor, "batch channel row column"], labels: Int64[Tensor, "batch"]
) -> tuple[Float[Tensor, "batch channel row column"], Float[Tensor, "batch class"]]:
    """(images mixed with those of the reversed batch, shares of the classes in them, which sum to 1).

    Args:
        mixing: of timm, whose draws depend on the next number of torch's global generator alone.
        images: stay as they are.
    Raises:
        ValueError: an odd number of images.
    """
    if len(images) % 2:
        raise ValueError(
            f"{len(images)} images in a part of the batch, but mixup and cutmix need an even number: change "
            "TRAIN.BATCH, TRAIN.ACCUMULATE or the number of processes"
        )
    with seeded(int(torch.randint(SEEDS, ()))):
        return mixing(images.clone(), labels)


def _mixing(node: CfgNode, classes: int) -> Mixup | None:
    """What mixes the images; None where the recipe asks for neither mixup nor cutmix."""
    if not (node.MIXUP or node.CUTMIX) or not node.MIX_PROB:
        return None
    return Mixup(
        mixup_alpha=node.MIXUP,
        cutmix_alpha=node.CUTMIX,
        prob=node.MIX_PROB,
        switch_prob=node.SWITCH_PROB,
        label_smoothing=node.LABEL_SMOOTHING,
        num_classes=classes,
    )
