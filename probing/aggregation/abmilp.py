"""AbMILP: a pooling whose weights are learned from the tokens themselves, together with the classifier on top."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from models.sine_cosine import sine_cosine_table

Activation = Literal["relu", "tanh"]
SelfAttention = Literal["none", "map", "both"]
Condition = Literal["none", "positions"]
Content = Literal["patches", "all"]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AbMILPOptions:
    """Which AbMILP; the defaults are the headline setting of Beyond [cls], one linear layer on patch tokens.

    Attributes:
        depth: linear layers of the score; those before the last keep the width and have the activation.
        activation: relu or tanh; unused with depth 1.
        self_attention: of one head before the score, with four matrices of its own: none; map, which only the score
            sees; both, where the tokens that are summed are its output, too.
        condition: positions adds a fixed sine-cosine table to what the score sees.
        content: patches leaves class token and registers out; all takes them in.
    Raises:
        ValueError: a depth below 1, or a word that is not known.
    """

    depth: int = 1
    activation: Activation = "relu"
    self_attention: SelfAttention = "none"
    condition: Condition = "none"
    content: Content = "patches"

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"depth={self.depth}; expected at least 1, the linear layer that gives the score")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r} is not known; expected one of {', '.join(known)}")

    def __str__(self) -> str:
        """What differs from the headline setting, for the recipe of a row."""
        differ = [
            f"{field.name} {getattr(self, field.name)}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]
        return ", ".join(differ) or "headline setting"


CHOICES: dict[str, tuple[str, ...]] = {
    "activation": get_args(Activation),
    "self_attention": get_args(SelfAttention),
    "condition": get_args(Condition),
    "content": get_args(Content),
}


class AbMILP(nn.Module):
    """Weighted sum of the tokens of one layer, with weights learned from the same tokens.

        w = softmax over tokens j of g(x[j]),  pooled = sum_j w[j] * x[j]

    where g is one linear layer to a number, or a small network. With the default options it has dim + 1 parameters.

    Args:
        dim: channels of a token.
        depth, activation, self_attention, condition, content: see `AbMILPOptions`.
        grid: (rows, columns) of the patches, needed for positions alone.
    Raises:
        ValueError: options that are not known; positions without a grid, or of a width not divisible by 4.
    Source: Przewięźlikowski et al. 2025 (arXiv:2412.03215), after Ilse et al. 2018 (arXiv:1802.04712). The defaults are
        the README's setting; those of the official command line are others (tanh, depth 2, both, all).
    """

    def __init__(
        self,
        dim: int,
        *,
        depth: int = 1,
        activation: Activation = "relu",
        self_attention: SelfAttention = "none",
        condition: Condition = "none",
        content: Content = "patches",
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.options = AbMILPOptions(
            depth=depth, activation=activation, self_attention=self_attention, condition=condition, content=content
        )
        if condition == "positions" and grid is None:
            raise ValueError("condition='positions' needs grid=(rows, columns) of the patches")
        self.grid = grid if condition == "positions" else None
        self.attention = None if self_attention == "none" else _SelfAttention(dim)
        hidden = [layer for _ in range(depth - 1) for layer in (nn.Linear(dim, dim), ACTIVATIONS[activation]())]
        self.score = nn.Sequential(*hidden, nn.Linear(dim, 1))
        self.positions: Tensor
        self.register_buffer("positions", self._table(dim), persistent=False)

    def forward(
        self, tokens: Float[Tensor, "batch token channel"], *, prefix: int = 1
    ) -> tuple[Float[Tensor, "batch channel"], Float[Tensor, "batch weighed"]]:
        """The vector of each image, and the weights it was made with.

        Args:
            tokens: of one layer, class tokens and registers first.
            prefix: number of those.
        Returns:
            Weights of the patches, or with content="all" of all tokens; each row sums to 1.
        Raises:
            ValueError: the patches are not those of the grid.
        """
        tokens, prefix = self.weighed(tokens, prefix)
        mixed = tokens if self.attention is None else self.attention(tokens)
        weights = self.score(self.placed(mixed, prefix)).squeeze(-1).softmax(dim=-1)
        summed = mixed if self.options.self_attention == "both" else tokens
        return torch.einsum("nt,ntc->nc", weights, summed), weights

    def weighed(self, tokens: Tensor, prefix: int) -> tuple[Tensor, int]:
        """The tokens that get a weight, and how many of them are none of patches."""
        return (tokens[:, prefix:], 0) if self.options.content == "patches" else (tokens, prefix)

    def _table(self, dim: int) -> Tensor:
        """Of the patches, 1 x patch x channel; 0 where no positions are added."""
        return torch.zeros(()) if self.grid is None else sine_cosine_table(self.grid, dim, 0)

    def placed(self, tokens: Tensor, prefix: int) -> Tensor:
        """Tokens with the positions added to the patches, as the score sees them."""
        if self.grid is None:
            return tokens
        count = self.positions.shape[1]
        if tokens.shape[1] != prefix + count:
            raise ValueError(
                f"tokens has shape {tuple(tokens.shape)}, of which prefix={prefix} leaves {tokens.shape[1] - prefix} "
                f"patches; grid={self.grid} has {count}"
            )
        return tokens + nn.functional.pad(self.positions, (0, 0, prefix, 0))


class _SelfAttention(nn.Module):
    """One head over all tokens; queries, keys and values without bias, and nothing around it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token channel"]:
        queries, keys, values = self.qkv(tokens).chunk(3, dim=-1)
        return self.proj(scaled_dot_product_attention(queries, keys, values))
