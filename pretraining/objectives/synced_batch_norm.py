"""Batch normalisation over the samples of all processes, on any device."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from study.processes import process_count

from ._precision import at_least_float32
from ._processes import summed


class SyncedBatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d` whose statistics are of the joined batch of all processes.

    torch's SyncBatchNorm refuses tensors on a CPU; the names in the state dict are the same. Computed in float32 at
    least. Every process must give equally many samples.

    Raises:
        ValueError: in training, when the joined batch is one sample, which has no variance.
    """

    def forward(self, input: Float[Tensor, "batch channel"]) -> Float[Tensor, "batch channel"]:
        """Normalise every channel over the joined batch in training, with the running statistics otherwise."""
        values = at_least_float32(input)
        total = len(values) * process_count()
        if self.training and total == 1:
            raise ValueError(
                "batch of 1 image: batch normalisation in projector and predictor needs at least 2 (over all "
                "processes, in each accumulation step); raise TRAIN.BATCH or lower TRAIN.ACCUMULATE"
            )
        if not self.training or process_count() == 1:
            return super().forward(values)
        mean = summed(values.sum(0)) / total
        centred = values - mean
        variance = summed(centred.square().sum(0)) / total
        self._remember(mean, variance, total)
        normalised = centred * (variance + self.eps).rsqrt()
        return normalised if self.weight is None else torch.addcmul(self.bias, normalised, self.weight)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, total: int) -> None:
        """Running statistics; their variance is the unbiased one."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_((variance * (total / (total - 1))).to(self.running_var.dtype), share)
