"""The attention weights of one layer, computed once, in blocks that fit a memory budget."""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ._threads import each_alone

SDPA = F.scaled_dot_product_attention  # torch's own, whatever stands under this name while a tap is open
FEWEST_QUERIES = 16  # below this the matrix products no longer pay
TEMPORARIES = 4  # a block's logits, weights and what the metrics make of them live at once
CPU_MIB, GPU_MIB = 64, 2048  # default budgets; a GPU wants few large blocks
CACHE_BYTES = 2 * 2**20  # on a CPU, blocks beyond its cache are slower

Buffers = tuple[Tensor, ...]  # logits, weights, and spare room where there is some
Result = TypeVar("Result")


class Room(threading.local):
    """Where a thread writes its blocks, one over the other."""

    buffers: Buffers | None = None


@dataclasses.dataclass(frozen=True)
class Budget:
    """How large a block of attention may be.

    Attributes:
        block_bytes: of the weights of one image that are computed at once.
        together_bytes: up to here, small images share a block, and so do the queries of a large one.
        split_images: False where the rows of an image have to stay together, however many bytes they take.
        threads: how many work at the same time, on as many runs of queries each.
    """

    block_bytes: float = float("inf")
    together_bytes: float = float("inf")
    split_images: bool = True
    threads: int = 1

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
        """(images, heads, queries) of each block: whole images where one fits the budget, else a part of one.

        All heads of some queries come before the next queries: what metrics know of a query, heads share.
        """
        row = tokens * itemsize
        image = heads * tokens * row
        if not self.splits(image):
            together = min(self.block_bytes, self.together_bytes) / image
            yield from itertools.product(_runs(batch, together), _runs(heads, heads), _runs(tokens, tokens))
            return
        most = min(self.block_bytes, self.together_bytes) / row
        runs = _runs(batch, 1), _runs(tokens, max(FEWEST_QUERIES, most), self.threads), _runs(heads, most / tokens)
        for images, queries, group in itertools.product(*runs):
            yield images, group, queries

    def shared_by(self, threads: int) -> Budget:
        """What is left for each of some threads that make blocks at the same time."""
        return dataclasses.replace(self, block_bytes=self.block_bytes / threads, threads=threads)

    def runs(self, tensors: Sequence[Tensor], *, split: bool) -> Iterator[slice]:
        """Runs of images, of which each tensor's part fits together; all at once where they must not be split."""
        batch = len(tensors[0])
        largest = max(tensor[0].numel() * tensor.element_size() for tensor in tensors)
        yield from _runs(batch, self.together_bytes / largest if split else batch)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Which rows of a layer's attention a block holds.

    Attributes:
        images: which images of the batch.
        heads: which heads.
        queries: which tokens, prefix included, the rows belong to.
        of: number of heads and of tokens that an image has; its last block ends there.
    """

    images: slice
    heads: slice
    queries: slice
    of: tuple[int, int]

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionBlock(Place):
    """Complete rows of one layer's attention: some images, some heads, some queries, all keys.

    Attributes:
        weights: (batch head query key) of these images, heads and queries; rows sum to 1; float32 or float64.
        logits: what the softmax was taken of, where it is at hand and finite.
        product: A V, (batch head query channel), where the map is not the model's own.
        found: what the metrics of these rows have found out, for each other.
        found_of_queries: what they have found out of the queries' places, for the other heads, too.
        spare: room of the size of the weights, where there is some: whatever it holds is written over.
    """

    weights: Tensor
    logits: Tensor | None = None
    product: Tensor | None = None
    found: dict[Any, Any] = dataclasses.field(default_factory=dict)
    found_of_queries: dict[Any, Any] = dataclasses.field(default_factory=dict)
    spare: Tensor | None = None

    @property
    def place(self) -> Place:
        """Where the rows stand, without the rows."""
        return Place(images=self.images, heads=self.heads, queries=self.queries, of=self.of)


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

    def part(self, images: slice) -> AttentionCall:
        """The call of some images, in float32 or float64, the queries scaled, a head's keys in one piece."""
        q, k, v = (tensor[images].to(_exact(tensor.dtype)) for tensor in (self.q, self.k, self.v))
        bias = None if self.bias is None else self.bias.expand(*self.q.shape[:3], -1)[images]
        return AttentionCall(q * self.scale, k.contiguous(), v.contiguous(), bias, 1.0, self.masked)

    def used(
        self, places: Sequence[Place], room: Room, use: Callable[[AttentionBlock], Result], *, by_head: bool
    ) -> list[Result]:
        """`use` of the rows of a `part`, of the same queries, each block written over the last one in `room`."""
        found_of_queries: dict[Any, Any] = {}

        def block(place: Place) -> AttentionBlock:
            room.buffers, product = (self._by_head if by_head else self._at_once)(place, room.buffers)
            logits, weights, *spare = room.buffers
            return AttentionBlock(
                **vars(place),
                weights=weights,
                logits=None if self.masked else logits,
                product=product,
                found_of_queries=found_of_queries,
                spare=spare[0] if spare else None,
            )

        return [use(block(place)) for place in places]

    def _at_once(self, place: Place, out: Buffers | None) -> tuple[Buffers, Tensor]:
        """Logits and weights, in `out` where they fit, and A V of all rows."""
        logits, weights = _fitting(out, self.q, place) or (None, None)
        logits = torch.matmul(self.q, self.k.transpose(-1, -2), out=logits)
        if self.bias is not None:
            logits += self.bias
        weights = torch.softmax(logits, -1, out=weights)
        return (logits, weights), weights @ self.v

    def _by_head(self, place: Place, out: Buffers | None) -> tuple[Buffers, Tensor]:
        """Logits, weights and spare room, and A V, one head after the other: they stay in a CPU's cache meanwhile."""
        q, k, v = self.q[:, place.heads, place.queries], self.k[:, place.heads], self.v[:, place.heads]
        bias = None if self.bias is None else self.bias[:, place.heads, place.queries]
        logits, weights, spare = _fitting(out, q, place) or q.new_empty(3, *q.shape[:3], k.shape[2])
        product = v.new_empty(*q.shape[:3], v.shape[-1])
        for head in itertools.product(*map(range, q.shape[:2])):
            torch.mm(q[head], k[head].T, out=logits[head])
            if bias is not None:
                logits[head] += bias[head]
            torch.softmax(logits[head], -1, out=weights[head])
            torch.mm(weights[head], v[head], out=product[head])
        return (logits, weights, spare), product

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

    def over_blocks(self, budget: Budget, use: Callable[[AttentionBlock], Result]) -> Iterator[Result]:
        """`use` of all rows, in blocks that fit the budget and in their order.

        Parts of an image are computed and used on all of a CPU's threads at once, and a thread's next block is written
        over its last one: there, `use` keeps no view of a block and changes nothing that it shares.
        """
        heads, tokens = self.q.shape[1:3]
        itemsize = torch.finfo(_exact(self.q.dtype)).bits // 8
        split = budget.splits(heads * tokens * tokens * itemsize)
        together = split and self.q.device.type == "cpu" and not torch.is_grad_enabled()
        threads = torch.get_num_threads() if together else 1
        plan = (
            Place(images=images, heads=group, queries=queries, of=(heads, tokens))
            for images, group, queries in budget.shared_by(threads).plan(len(self.q), heads, tokens, itemsize)
        )
        room = Room()
        with each_alone(threads) as over:
            for images, places in itertools.groupby(plan, lambda place: place.images):
                part = self.part(images)
                runs = [list(run) for _, run in itertools.groupby(places, lambda place: place.queries)]
                for results in over(lambda run, part=part: part.used(run, room, use, by_head=split), runs):
                    yield from results


def blocks_of(weights: Tensor, budget: Budget) -> Iterator[AttentionBlock]:
    """The blocks of a map that the model has computed itself."""
    batch, heads, tokens, _ = weights.shape
    for images, group, queries in budget.plan(batch, heads, tokens, weights.element_size()):
        rows = weights[images, group, queries]
        yield AttentionBlock(weights=rows, images=images, heads=group, queries=queries, of=(heads, tokens))


def _fitting(out: Buffers | None, queries: Tensor, place: Place) -> Buffers | None:
    """The buffers again, where they have the right shape and no history."""
    shape = (*queries.shape[:3], place.of[1])
    return None if out is None or out[1].shape != shape or out[1].requires_grad else out


def _runs(length: int, most: float, multiple: int = 1) -> Iterator[slice]:
    """0 to length in the fewest slices of up to `most`, all about as long; one by one where `most` is below 1.

    Their number is a multiple of `multiple`, but for rounding.
    """
    runs = math.ceil(math.ceil(length / max(1, int(min(most, length)))) / multiple) * multiple
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
