"""One linear classifier of patch tokens for each layer, all of them in one tensor."""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import batch_norm, log_softmax

EPSILON = 1e-5  # beside the variance, as torch's BatchNorm has it
MOMENTUM = 0.1  # of the running statistics, the same


@dataclasses.dataclass
class DenseProbe:
    """Linear classifiers of all layers, with what standardises their tokens.

    Attributes:
        weight: of the classes.
        bias: of the classes.
        mean, variance: running statistics of each channel; None where tokens are taken as they are.
    """

    weight: Float[Tensor, "layer class channel"]
    bias: Float[Tensor, "layer class"]
    mean: Float[Tensor, "layer channel"] | None = None
    variance: Float[Tensor, "layer channel"] | None = None

    @classmethod
    def zeros(
        cls, layers: int, classes: int, channels: int, *, standardised: bool, device: torch.device | str = "cpu"
    ) -> DenseProbe:
        """Classifiers that take all classes for equally likely; the problem is convex, so any start would do."""
        weight = torch.zeros(layers, classes, channels, device=device, requires_grad=True)
        bias = torch.zeros(layers, classes, device=device, requires_grad=True)
        if not standardised:
            return cls(weight, bias)
        mean, variance = torch.zeros(layers, channels, device=device), torch.ones(layers, channels, device=device)
        return cls(weight, bias, mean, variance)

    def logits(
        self, tokens: Float[Tensor, "layer image patch channel"], *, training: bool = False
    ) -> Float[Tensor, "layer image patch class"]:
        """Scores of the classes.

        Args:
            tokens: of all layers.
            training: standardise by the batch, whose statistics the running ones then follow.
        """
        flat = self._standardised(tokens.flatten(1, 2), training)
        scores = torch.baddbmm(self.bias.unsqueeze(1), flat, self.weight.transpose(1, 2))
        return scores.unflatten(1, tokens.shape[1:3])

    def _standardised(
        self, flat: Float[Tensor, "layer token channel"], training: bool
    ) -> Float[Tensor, "layer token channel"]:
        if self.mean is None or self.variance is None:
            return flat
        layers, _, channels = flat.shape
        columns = flat.transpose(0, 1).flatten(1)  # a channel of a layer each, as batch_norm takes them
        running = self.mean.view(-1), self.variance.view(-1)
        normed = batch_norm(columns, *running, training=training, momentum=MOMENTUM, eps=EPSILON)
        return normed.view(-1, layers, channels).transpose(0, 1)


def patch_loss(
    logits: Float[Tensor, "*layer patch class"], counts: Float[Tensor, "patch class"]
) -> Float[Tensor, "*layer"]:
    """Mean cross-entropy of a pixel in nats, where every pixel has the logits of its patch.

        loss = - sum_patch sum_class counts[patch, class] * log softmax(logits)[patch, class] / sum counts

    It equals the cross-entropy with logits upsampled to pixels by the nearest patch. Void pixels are in no count, so
    they leave the denominator too.

    Args:
        logits: of all patches of a batch.
        counts: pixels of each class in each patch.
    Returns:
        0 for certain and right answers, log(classes) for equal logits; 0 where no pixel has a class.
    """
    answered = -(counts * log_softmax(logits, dim=-1)).sum((-1, -2))
    return answered / counts.sum().clamp_min(1)
