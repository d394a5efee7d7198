"""AbMILP with a linear classifier on top, once for each learning rate, side by side on the same tokens."""

from __future__ import annotations

import copy
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import batch_norm, linear

from ..linear.batched import RUNNING, first_weights
from ..linear.probes import EPSILON
from .abmilp import AbMILP, AbMILPOptions


class AbMILPHeads(nn.Module):
    """Heads that share nothing but their tokens and their first weights.

        logits = standardised(sum_j w[j] * x[j]) W + b

    Args:
        channels: of a token.
        classes: number of classes.
        count: number of heads.
        options: of AbMILP.
        grid: (rows, columns) of the patches.
        batch_norm: standardise each channel, as the preset says.
        init_std: of W, as the preset says.
        seed: of the first weights.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        count: int,
        options: AbMILPOptions,
        grid: tuple[int, int],
        batch_norm: bool,
        init_std: float | None,
        seed: int,
    ) -> None:
        super().__init__()
        self.batch_norm = batch_norm
        first = _first(channels, options, grid, seed)
        self.poolings = nn.ModuleList([copy.deepcopy(first) for _ in range(count)])
        weight, bias = first_weights(channels, classes, init_std, seed)
        self.weights = nn.ParameterList([weight.clone() for _ in range(count)])
        self.biases = nn.ParameterList([bias.clone() for _ in range(count)])
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(count * channels))
        self.register_buffer("variance", torch.ones(count * channels))

    def forward(
        self, tokens: Float[Tensor, "batch token channel"], *, prefix: int
    ) -> Float[Tensor, "head batch label"]:
        """Logits of each head; in training, standardised by the batch."""
        pooled, _ = self.pooled(tokens, prefix=prefix)
        x = self._standardised(pooled) if self.batch_norm else pooled
        return torch.baddbmm(
            torch.stack([*self.biases]).unsqueeze(1), x.transpose(0, 1), torch.stack([*self.weights]).transpose(1, 2)
        )

    def pooled(
        self, tokens: Float[Tensor, "batch token channel"], *, prefix: int
    ) -> tuple[Float[Tensor, "batch head channel"], Float[Tensor, "batch head weighed"]]:
        """Vectors and weights of each head; the tokens are read once where the score is one linear layer."""
        first = self._of(0)
        if first.options.depth > 1 or first.options.self_attention != "none":
            found = [pooling(tokens, prefix=prefix) for pooling in self.poolings]
            vectors, weights = zip(*found, strict=True)
            return torch.stack(vectors, dim=1), torch.stack(weights, dim=1)
        tokens, prefix = first.weighed(tokens, prefix)
        scores = [self._of(head).score[0] for head in range(len(self.poolings))]
        weight, bias = (torch.cat([getattr(score, name) for score in scores]) for name in ("weight", "bias"))
        weights = linear(first.placed(tokens, prefix), weight, bias).transpose(1, 2).softmax(dim=-1)
        return torch.bmm(weights, tokens), weights

    def of_head(self, head: int) -> list[nn.Parameter]:
        """The parameters of one head."""
        return [*self._of(head).parameters(), self.weights[head], self.biases[head]]

    def finite(self, head: int) -> bool:
        """Whether a head's parameters are still numbers."""
        return all(bool(parameter.isfinite().all()) for parameter in self.of_head(head))

    def _of(self, head: int) -> AbMILP:
        return cast(AbMILP, self.poolings[head])

    def _standardised(self, pooled: Float[Tensor, "batch head channel"]) -> Float[Tensor, "batch head channel"]:
        flat = batch_norm(pooled.flatten(1), self.mean, self.variance, None, None, self.training, RUNNING, EPSILON)
        return flat.view_as(pooled)


def _first(channels: int, options: AbMILPOptions, grid: tuple[int, int], seed: int) -> AbMILP:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AbMILP(
            channels,
            depth=options.depth,
            activation=options.activation,
            self_attention=options.self_attention,
            condition=options.condition,
            content=options.content,
            grid=grid,
        )
