"""The attention weights of one layer, computed once, in blocks that fit a memory budget."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SDPA = F.scaled_dot_product_attention  # torch's own, whatever stands under this name while a tap is open
FEWEST_QUERIES = 16  # below this the matrix products no longer pay
ENOUGH_QUERIES = 128  # a block has more heads rather than more queries: what metrics know of a query, heads share
TEMPORARIES = 4  # a block's logits, weights and what the metrics make of them live at once
CPU_MIB, GPU_MIB = 64, 2048  # default budgets; a GPU wants few large blocks
CACHE_BYTES = 2 * 2**20  # on a CPU, small images beyond its cache are slower together

Buffers = tuple[Tensor, Tensor]  # logits and weights, written over by the next block


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

    def splits(self, image_bytes: int) -> bool:
        """Whether the attention of one image, of so many bytes, is more than a block."""
        return self.split_images and image_bytes > self.block_bytes

    def plan(self, batch: int, heads: int, tokens: int, itemsize: int) -> Iterator[tuple[slice, slice, slice]]:
        """(images, heads, queries) of each block: whole images where one fits the budget, else a part of one."""
        row = tokens * itemsize
        image = heads * tokens * row
        if not self.splits(image):
            together = min(self.block_bytes, self.together_bytes) / image
            yield from itertools.product(_runs(batch, together), _runs(heads, heads), _runs(tokens, tokens))
            return
        groups = list(_runs(heads, self.block_bytes / (min(ENOUGH_QUERIES, tokens) * row)))
        most = self.block_bytes / ((groups[0].stop - groups[0].start) * row)
        yield from itertools.product(_runs(batch, 1), groups, _runs(tokens, max(FEWEST_QUERIES, most)))

    def runs(self, tensors: Sequence[Tensor], *, split: bool) -> Iterator[slice]:
        """Runs of images, of which each tensor's part fits together; all at once where they must not be split."""
        batch = len(tensors[0])
        largest = max(tensor[0].numel() * tensor.element_size() for tensor in tensors)
        yield from _runs(batch, self.together_bytes / largest if split else batch)


@dataclasses.dataclass(frozen=True)
class AttentionBlock:
    """Complete rows of one layer's attention: some images, some heads, some queries, all keys.

    Attributes:
        weights: (batch head query key) of these images, heads and queries; rows sum to 1; float32 or float64.
        images: which images of the batch.
        heads: which heads.
        queries: which tokens, prefix included, the rows belong to.
        of: number of heads and of tokens that an image has; its last block ends there.
        logits: what the softmax was taken of, where it is at hand and finite.
        product: A V, (batch head query channel), where the map is not the model's own.
        found: what the metrics of these rows have found out, for each other.
    """

    weights: Tensor
    images: slice
    heads: slice
    queries: slice
    of: tuple[int, int]
    logits: Tensor | None = None
    product: Tensor | None = None
    found: dict[Any, Any] = dataclasses.field(default_factory=dict)

    @property
    def first_of_heads(self) -> bool:
        """Whether no rows of these heads came before."""
        return self.queries.start == 0

    @property
    def last_of_heads(self) -> bool:
        """Whether these heads are complete now."""
        return self.queries.stop == self.of[1]

    @property
    def last_of_images(self) -> bool:
        """Whether these images are complete now."""
        return self.last_of_heads and self.heads.stop == self.of[0]


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

    def part(self, images: slice, heads: slice) -> AttentionCall:
        """The call of some images and heads, in float32 or float64, the queries scaled, a head's keys in one piece."""
        q, k, v = (tensor[images, heads].to(_exact(tensor.dtype)) for tensor in (self.q, self.k, self.v))
        bias = None if self.bias is None else self.bias.expand(*self.q.shape[:3], -1)[images, heads]
        return AttentionCall(q * self.scale, k.contiguous(), v.contiguous(), bias, 1.0, self.masked)

    def rows(self, out: Buffers | None) -> tuple[Buffers, Tensor]:
        """Logits and weights, in `out` where that is given, and A V of all queries of a `part`."""
        logits, weights = out or (None, None)
        logits = torch.matmul(self.q, self.k.transpose(-1, -2), out=logits)
        if self.bias is not None:
            logits += self.bias
        weights = torch.softmax(logits, -1, out=weights)
        return (logits, weights), weights @ self.v

    def rows_by_head(self, queries: slice, out: Buffers | None) -> tuple[Buffers, Tensor]:
        """`rows` of some queries, one head after the other: from q k^T to A V they stay in a CPU's cache."""
        batch, heads, tokens, channels = self.v.shape
        count = queries.stop - queries.start
        logits, weights = out or self.q.new_empty(2, batch, heads, count, tokens)
        product = self.v.new_empty(batch, heads, count, channels)
        for place in itertools.product(range(batch), range(heads)):
            torch.mm(self.q[place][queries], self.k[place].T, out=logits[place])
            if self.bias is not None:
                logits[place] += self.bias[place][queries]
            torch.softmax(logits[place], -1, out=weights[place])
            torch.mm(weights[place], self.v[place], out=product[place])
        return (logits, weights), product

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
        row = tokens * itemsize
        split = budget.splits(heads * tokens * row)
        out: Buffers | None = None
        plan = budget.plan(batch, heads, tokens, itemsize)
        for (images, group), places in itertools.groupby(plan, lambda place: place[:2]):
            part = self.part(images, group)
            for *_, queries in places:
                shape = (*part.q.shape[:2], queries.stop - queries.start, tokens)
                if out is not None and (out[1].shape != shape or out[1].requires_grad):
                    out = None  # free the last ones before there are new ones
                out, product = part.rows_by_head(queries, out) if split else part.rows(out)
                known = None if self.masked else out[0]
                yield AttentionBlock(out[1], images, group, queries, (heads, tokens), known, product)
                known = None


def blocks_of(weights: Tensor, budget: Budget) -> Iterator[AttentionBlock]:
    """The blocks of a map that the model has computed itself."""
    batch, heads, tokens, _ = weights.shape
    for images, group, queries in budget.plan(batch, heads, tokens, weights.element_size()):
        yield AttentionBlock(weights[images, group, queries], images, group, queries, (heads, tokens))


def _runs(length: int, most: float) -> Iterator[slice]:
    """0 to length in the fewest slices of up to `most`, all about as long; one by one where `most` is below 1."""
    runs = math.ceil(length / max(1, int(min(most, length))))
    step = math.ceil(length / runs)
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


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
