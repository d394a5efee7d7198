"""Sums over each row of weights times their logarithms: what entropies and mutual information are made of."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ._found import Found, shared

CACHED = 500_000  # elements: on a CPU, logarithms of about this many at a time stay near the processor


def smallest_weight(values: Tensor) -> float:
    """The smallest normal number of the dtype, an epsilon that is none: 1e-38 in float32.

    Added to all weights it changes no result, save that a row of nothing but zeros becomes uniform, which is
    the limit of the papers' "add epsilon, renormalise" as epsilon goes to zero. Unlike 0 it has a logarithm.
    """
    return torch.finfo(values.dtype).tiny


def least_mass(values: Tensor) -> float:
    """Below this sum of a row `smallest_weight` would begin to count: its square root, 1e-19 in float32."""
    return math.sqrt(smallest_weight(values))


def row_entropy(
    weights: Float[Tensor, "*batch query patch"], epsilon: float
) -> tuple[Float[Tensor, "*batch query"], Float[Tensor, "*batch query"]]:
    """Entropy in nats of each row after adding epsilon > 0 and dividing by the sum m; and m.

    H = ln m - sum_k (w_k + epsilon) ln(w_k + epsilon) / m with m = sum_k (w_k + epsilon)
    """
    rows = weights.flatten(0, -2)
    mass, total = rows.new_empty(2, len(rows))
    shifted_buffer, logarithm_buffer = rows.new_empty(2, *rows[: _rows_at_a_time(rows)].shape)
    for block, size in _blocks(rows, len(shifted_buffer)):
        shifted = torch.add(rows[block], epsilon, out=shifted_buffer[:size])
        torch.sum(shifted, -1, out=mass[block])
        logarithms = torch.log(shifted, out=logarithm_buffer[:size])
        torch.sum(logarithms.mul_(shifted), -1, out=total[block])
    entropy = mass.log() - total / mass
    return entropy.view(weights.shape[:-1]), mass.view(weights.shape[:-1])


def exact_row_entropy(
    weights: Float[Tensor, "*batch query patch"],
) -> tuple[Float[Tensor, "*batch query"], Float[Tensor, "*batch query"], Float[Tensor, "*batch query patch"]]:
    """Entropy in nats of each row divided by its sum, without an epsilon that counts; the sum; the weights.

    Rows of less than `least_mass` are measured, and returned, multiplied by 1 / `least_mass`: a power of two, which
    changes no share of theirs, not even by rounding. What the softmax itself rounded away stays lost: float32 has
    no weights below 1e-45, and few digits of those below 1e-38. Whether there are such rows a GPU is asked once.
    """
    epsilon = smallest_weight(weights)
    entropy, mass = row_entropy(weights, epsilon)
    if _any_weak(mass):
        weak = mass < least_mass(mass)
        weights = weights * torch.ones_like(mass).masked_fill_(weak, 1 / least_mass(mass)).unsqueeze(-1)
        entropy, mass = row_entropy(weights, epsilon)
    return entropy, mass, weights


def patch_row_entropy(
    attention: Float[Tensor, "*batch head query key"],
    prefix: int,
    logits: Float[Tensor, "*batch head query key"] | None,
    found: Found,
    spare: Float[Tensor, "*batch head query key"] | None = None,
) -> tuple[
    Float[Tensor, "*batch head query"], Float[Tensor, "*batch head query"], Float[Tensor, "*batch head query patch"]
]:
    """`exact_row_entropy` of the patch keys of complete rows: from the logits where they are at hand, and only once
    where the metrics of the same rows share a dict of what they have found."""

    def find() -> tuple[Tensor, Tensor, Tensor]:
        weights = attention[..., prefix:]
        if logits is None:
            return exact_row_entropy(weights)
        room = None if spare is None else spare[..., prefix:]
        return row_entropy_of_softmax(weights, logits[..., prefix:], log_normaliser(attention, logits), room)

    return shared(found, ("patch_row_entropy", prefix), find)


def row_entropy_of_softmax(
    weights: Float[Tensor, "*batch query patch"],
    logits: Float[Tensor, "*batch query patch"],
    normaliser: Float[Tensor, "*batch query"],
    spare: Float[Tensor, "*batch query patch"] | None = None,
) -> tuple[Float[Tensor, "*batch query"], Float[Tensor, "*batch query"], Float[Tensor, "*batch query patch"]]:
    """What `exact_row_entropy` gives, without a logarithm for each weight.

    H = ln m - sum_k w_k ln(w_k) / m with ln w_k = logits_k - normaliser. Rows of less than `least_mass`, even of
    nothing but zeros, take their weights from the logits once more: exact, at the price of a wait on a GPU. `spare` is
    written over.
    """
    rows, exponents = weights.flatten(0, -2), logits.flatten(0, -2)
    mass, total = rows.sum(-1), rows.new_empty(len(rows))
    level = normaliser.reshape(-1, 1)
    buffer = rows.new_empty(rows[: _rows_at_a_time(rows)].shape) if spare is None else spare.flatten(0, -2)
    for block, size in _blocks(rows, len(buffer)):
        logarithms = torch.sub(exponents[block], level[block], out=buffer[:size])
        torch.sum(logarithms.mul_(rows[block]), -1, out=total[block])
    entropy = mass.log() - total / mass
    if _any_weak(mass):
        weak = mass < least_mass(mass)
        logarithms = exponents[weak].log_softmax(-1)
        rows, mass = rows.clone(), mass.masked_fill(weak, 1)
        rows[weak] = logarithms.exp()
        entropy[weak] = -torch.linalg.vecdot(rows[weak], logarithms)
    shape = weights.shape[:-1]
    return entropy.view(shape), mass.view(shape), rows.view(weights.shape)


def log_normaliser(
    weights: Float[Tensor, "*batch query key"], logits: Float[Tensor, "*batch query key"]
) -> Float[Tensor, "*batch query"]:
    """ln sum_k exp(logits_k) of complete rows, from their largest weight: ln w = logits - normaliser."""
    return logits.amax(-1) - weights.amax(-1).log()


def row_logarithms(
    weights: Float[Tensor, "*batch query patch"], scale: Float[Tensor, "*batch query"]
) -> Float[Tensor, "*batch query"]:
    """sum_k w_k ln(1 + scale w_k) of each row, with a scale > 0 of its own."""
    rows, scales = weights.flatten(0, -2), scale.reshape(-1, 1)
    total = rows.new_empty(len(rows))
    buffer = rows.new_empty(rows[: _rows_at_a_time(rows)].shape)
    for block, size in _blocks(rows, len(buffer)):
        logarithms = torch.mul(rows[block], scales[block], out=buffer[:size]).log1p_()
        torch.sum(logarithms.mul_(rows[block]), -1, out=total[block])
    return total.view(weights.shape[:-1])


def _any_weak(mass: Tensor) -> bool:
    """Whether a row may hold less than `least_mass`; rows with NaN are looked at, too."""
    return mass.numel() > 0 and not mass.min().item() >= least_mass(mass)  # a fifth of the time of (mass < ...).any()


def _rows_at_a_time(rows: Tensor) -> int:
    return max(1, CACHED // rows.shape[-1]) if rows.device.type == "cpu" else len(rows)


def _blocks(rows: Tensor, step: int) -> list[tuple[slice, int]]:
    """The rows in runs that share one buffer: all temporaries together stay small, and hot in the cache."""
    starts = range(0, len(rows), max(1, step))
    return [(slice(start, start + step), min(step, len(rows) - start)) for start in starts]
