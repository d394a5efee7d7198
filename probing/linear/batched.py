"""Linear probes of many cells and learning rates, trained together as one batched problem."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pretraining.optimisation.schedules import cosine_lr

from ..presets import Preset
from .probes import EPSILON

RUNNING = 0.1  # weight of a batch in the running statistics, as in torch's BatchNorm
TRUST = 0.001  # of LARS, as in its official forms


class BatchedProbes:
    """Classifiers (cell, rate) that see the same batches; each is trained as it would be alone.

    All gradients are written out, since the probes share nothing but their inputs: three batched matrix products a
    step instead of one forward and backward pass for each probe.

        logits = standardised(x) W + b;    loss = mean over the batch of cross-entropy

    Args:
        cells: number of inputs.
        channels: of each.
        classes: number of classes.
        rates: factors on the preset's learning rate.
        preset: optimiser, schedule, standardisation, first weights.
        seed: of the first weights, which are the same in every cell and for every rate.
    """

    def __init__(
        self, cells: int, channels: int, classes: int, *, rates: Sequence[float], preset: Preset, seed: int = 0
    ) -> None:
        self.preset, self.classes, self.rates = preset, classes, tuple(rates)
        weight, bias = first_weights(channels, classes, preset.init_std, seed)
        probes = (cells, len(rates))
        self.state = {
            "weight": weight.expand(*probes, classes, channels).clone(),
            "bias": bias.expand(*probes, classes).clone(),
            "mean": torch.zeros(cells, channels),
            "variance": torch.ones(cells, channels),
        }
        self.state |= {f"{name}_momentum": torch.zeros_like(self.state[name]) for name in ("weight", "bias")}
        self._factors = torch.tensor(self.rates, dtype=torch.float64)

    def to(self, device: torch.device) -> BatchedProbes:
        """The same on a device."""
        self.state = {name: value.to(device) for name, value in self.state.items()}
        self._factors = self._factors.to(device)
        return self

    def step(
        self, features: Float[Tensor, "batch cell channel"], labels: Int[Tensor, " batch"], lr: float
    ) -> Float[Tensor, "cell rate"]:
        """One step of all optimisers; the losses before it."""
        x = self._standardised_by_batch(features) if self.preset.batch_norm else features
        gradient, loss = self._gradient_of_logits(x, labels)
        of_weight = torch.bmm(gradient.flatten(1, 2), x.transpose(0, 1))
        self._change("weight", of_weight.view_as(self.state["weight"]), lr)
        self._change("bias", gradient.sum(-1), lr)
        return loss

    def logits(self, features: Float[Tensor, "batch cell channel"]) -> Float[Tensor, "cell rate label batch"]:
        """Of images that are not trained on; standardised by the running statistics."""
        if self.preset.batch_norm:
            features = (features - self.state["mean"]) / (self.state["variance"] + EPSILON).sqrt()
        return self._logits(features)

    def classifier(self, cell: int, rate: int) -> dict[str, Tensor]:
        """Weight (class channel), bias (class), and mean and variance (channel) where they are standardised by."""
        parts = {name: self.state[name][cell, rate] for name in ("weight", "bias")}
        if self.preset.batch_norm:
            parts |= {name: self.state[name][cell] for name in ("mean", "variance")}
        return {name: value.clone() for name, value in parts.items()}

    def _logits(self, x: Tensor) -> Float[Tensor, "cell rate label batch"]:
        """The image comes last: a softmax over few classes is fast when it is not."""
        weight, bias = self.state["weight"], self.state["bias"]
        flat = torch.baddbmm(bias.flatten(1).unsqueeze(-1), weight.flatten(1, 2), x.permute(1, 2, 0))
        return flat.unflatten(1, weight.shape[1:3])

    def _gradient_of_logits(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(softmax - target) / batch, (cell rate class batch), and the mean cross-entropy of each probe."""
        logits = self._logits(x)
        where = labels.expand(*logits.shape[:2], 1, -1)
        shares = torch.log_softmax(logits, dim=2)
        loss = -shares.gather(2, where).mean((-2, -1))
        gradient = shares.exp_()
        gradient.scatter_add_(2, where, gradient.new_full((), -1.0).expand(where.shape))
        return gradient.div_(len(labels)), loss

    def _standardised_by_batch(self, features: Tensor) -> Tensor:
        """By torch's own BatchNorm, which also keeps the running statistics."""
        return nn.functional.batch_norm(
            features.flatten(1),
            self.state["mean"].view(-1),
            self.state["variance"].view(-1),
            training=True,
            momentum=RUNNING,
            eps=EPSILON,
        ).view_as(features)

    def _change(self, name: str, gradient: Tensor, lr: float) -> None:
        """Momentum with the learning rate outside it; LARS scales the step of a weight, not of a bias."""
        value, momentum, preset = self.state[name], self.state[f"{name}_momentum"], self.preset
        if name == "weight" and preset.weight_decay:
            gradient = gradient + preset.weight_decay * value
        if name == "weight" and preset.optimiser == "lars":
            gradient = gradient * _trust(value, gradient)
        momentum.mul_(preset.momentum).add_(gradient)
        rates = (lr * self._factors).to(value.dtype).view(-1, *[1] * (value.ndim - 2))
        value.sub_(momentum * rates)


def _trust(
    value: Float[Tensor, "cell rate label channel"], gradient: Float[Tensor, "cell rate label channel"]
) -> Float[Tensor, "cell rate 1 1"]:
    """TRUST |w| / |gradient| of each probe, 1 where one of them is 0."""
    size, length = (torch.linalg.vector_norm(tensor, dim=(2, 3), keepdim=True) for tensor in (value, gradient))
    return torch.where((size > 0) & (length > 0), TRUST * size / length, 1.0)


def first_weights(channels: int, classes: int, std: float | None, seed: int) -> tuple[Tensor, Tensor]:
    """Weight (class channel) and bias (class) to begin with: normal with bias 0, or as `nn.Linear` draws them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = nn.Linear(channels, classes)
        if std is not None:
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
    return layer.weight.detach(), layer.bias.detach()


def learning_rate(preset: Preset, step: int, *, steps_per_epoch: int, batch: int, epochs: int) -> float:
    """Learning rate of a step: a line from 0 through the warm-up, then half a cosine to 0.

    The warm-up takes the preset's share of all epochs, so that shorter trainings keep the form.
    """
    peak = preset.lr * batch / preset.reference_batch
    warmup = preset.warmup_epochs * epochs / preset.epochs
    return cosine_lr(step / steps_per_epoch, lr=peak, epochs=epochs, warmup=warmup)


def fitting_batch(preset: Preset, images: int) -> int:
    """The preset's batch, but at most a fiftieth of the images (at least 256 of them, or all): then there are steps
    enough in an epoch for the schedule to mean something on a small data set."""
    return min(preset.batch, max(min(images, 256), 2 ** int(math.log2(max(images // 50, 1)))))
