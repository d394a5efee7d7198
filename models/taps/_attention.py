"""The attention weights of one layer, computed once, in blocks that fit a memory budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SDPA = F.scaled_dot_product_attention  # torch's own, whatever stands under this name while a tap is open
FEWEST_QUERIES = 16  # below this the matrix products no longer pay
TEMPORARIES = 4  # a block's logits, weights and what the metrics make of them live at once
CPU_MIB, GPU_MIB = 32, 2048  # default budgets; a GPU wants few large blocks
CACHE_BYTES = 2 * 2**20  # on a CPU, blocks beyond its cache are slower


@dataclasses.dataclass(frozen=True)
class Budget:
    """How large a block of attention may be.

    Attributes:
        block_bytes: of the weights of one block.
        together_bytes: up to here, small images share a block.
        split_images: False where the rows of an image have to stay together, however many bytes they take.
    """

    block_bytes: float = float("inf")
    together_bytes: float = float("inf")
    split_images: bool = True

    @classmethod
    def within(cls, mib: float | None, device: torch.device, *, split_images: bool) -> Budget:
        """Blocks that, with all that is made of them, stay within so many MiB; None chooses by device."""
        on_cpu = device.type == "cpu"
        by_device = CPU_MIB if on_cpu else GPU_MIB
        budget = 2**20 * (by_device if mib is None else mib) / TEMPORARIES
        return cls(budget, min(budget, CACHE_BYTES) if on_cpu else budget, split_images)

    def plan(self, batch: int, heads: int, tokens: int, itemsize: int) -> Iterator[tuple[slice, slice]]:
        """(images, queries) of each block: whole images where one fits the budget, else blocks of queries."""
        row = heads * tokens * itemsize
        image = row * tokens
        if image <= self.block_bytes or not self.split_images:
            step = int(max(1, min(batch, self.block_bytes // image, self.together_bytes // image)))
            for start in range(0, batch, step):
                yield slice(start, min(start + step, batch)), slice(0, tokens)
            return
        step = max(FEWEST_QUERIES, int(self.block_bytes // row))
        for index in range(batch):
            for start in range(0, tokens, step):
                yield slice(index, index + 1), slice(start, min(start + step, tokens))

    def runs(self, tensors: Sequence[Tensor], *, split: bool) -> Iterator[slice]:
        """Runs of images, of which each tensor's part fits together; all at once where they must not be split."""
        batch = len(tensors[0])
        largest = max(tensor[0].numel() * tensor.element_size() for tensor in tensors)
        step = int(max(1, min(batch, self.together_bytes // largest))) if split else batch
        for start in range(0, batch, step):
            yield slice(start, min(start + step, batch))


@dataclasses.dataclass(frozen=True)
class AttentionBlock:
    """Complete rows of one layer's attention: some images, some queries, all heads and keys.

    Attributes:
        weights: (batch head query key) of these images and queries; rows sum to 1; float32 or float64.
        images: which images of the batch.
        queries: which tokens, prefix included, the rows belong to.
        tokens: number of tokens of an image; the last block of an image ends there.
        logits: what the softmax was taken of, where it is at hand and finite.
    """

    weights: Tensor
    images: slice
    queries: slice
    tokens: int
    logits: Tensor | None = None


@dataclasses.dataclass(frozen=True)
class AttentionCall:
    """What one layer's attention was computed from: q, k, v (batch head token channel) and the exact bias.

    `masked` where some logits are minus infinity.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    bias: Tensor | None
    scale: float
    masked: bool = False

    def empty_output(self) -> Tensor:
        """Room for A V, in memory as torch's own attention lays it out: (batch token head channel)."""
        batch, heads, tokens, _ = self.q.shape
        return self.v.new_empty(batch, tokens, heads, self.v.shape[-1]).transpose(1, 2)

    def logits(self, images: slice, queries: slice, out: Tensor | None = None) -> Tensor:
        """q k^T scale + bias of some images and queries, in float32 or float64."""
        exact = _exact(self.q.dtype)
        q = self.q[images, :, queries].to(exact) * self.scale
        logits = torch.matmul(q, self.k[images].to(exact).transpose(-1, -2), out=out)
        if self.bias is not None:
            bias = self.bias.expand(self.q.shape[0], -1, self.q.shape[2], -1)
            logits += bias[images, :, queries].to(exact)
        return logits

    def first_rows(self, queries: int) -> Tensor:
        """What torch itself makes of the first queries of the first image."""
        bias = None if self.bias is None else self.bias[:1, :, :queries].to(self.q.dtype)
        return SDPA(self.q[:1, :, :queries], self.k[:1], self.v[:1], attn_mask=bias, scale=self.scale)

    @classmethod
    def of(
        cls,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> AttentionCall:
        """The call with the arguments of `torch.nn.functional.scaled_dot_product_attention`.

        Raises:
            ValueError: dropout is on, or queries and keys are not the same tokens.
        """
        if dropout_p > 0:
            raise ValueError(f"attention dropout {dropout_p} is on, so the weights are random: call model.eval() first")
        if query.ndim != 4 or query.shape[-2] != key.shape[-2]:
            raise ValueError(
                f"queries {tuple(query.shape)} and keys {tuple(key.shape)} are not (batch head token channel) of the "
                "same tokens: a tap sees self-attention between all tokens only"
            )
        if enable_gqa:
            groups = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        factor: float = query.shape[-1] ** -0.5 if scale is None else scale
        bias = _bias(query, attn_mask, is_causal)
        masked = bias is not None and bool(bias.isinf().any())
        return cls(query, key, value, bias, factor, masked)

    def blocks(self, budget: Budget) -> Iterator[AttentionBlock]:
        """All rows, in blocks that fit the budget; a block may be written over by the next one."""
        batch, heads, tokens, _ = self.q.shape
        itemsize = torch.finfo(_exact(self.q.dtype)).bits // 8
        logits: Tensor | None = None
        weights: Tensor | None = None
        for images, queries in budget.plan(batch, heads, tokens, itemsize):
            rows = (images.stop - images.start, heads, queries.stop - queries.start, tokens)
            if weights is None or weights.shape != rows or weights.requires_grad:
                logits = weights = None  # free the last ones before there are new ones
            logits = self.logits(images, queries, out=logits)
            weights = torch.softmax(logits, -1, out=weights)
            yield AttentionBlock(weights, images, queries, tokens, None if self.masked else logits)

    def output(self, block: AttentionBlock) -> Tensor:
        """A V of a block's rows, in the type the model goes on with."""
        return (block.weights @ self.v[block.images].to(block.weights.dtype)).to(self.v.dtype)


def blocks_of(weights: Tensor, budget: Budget) -> Iterator[AttentionBlock]:
    """The blocks of a map that the model has computed itself."""
    batch, heads, tokens, _ = weights.shape
    for images, queries in budget.plan(batch, heads, tokens, weights.element_size()):
        yield AttentionBlock(weights[images, :, queries], images, queries, tokens)


def _bias(query: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor | None:
    """What is added to the logits, as (batch head query key) with axes of length 1 where it is shared."""
    if is_causal:
        mask = torch.ones(query.shape[-2], query.shape[-2], dtype=torch.bool, device=query.device).tril()
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, float("-inf"))
    return mask.reshape((1,) * (4 - mask.ndim) + tuple(mask.shape))


def _exact(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
