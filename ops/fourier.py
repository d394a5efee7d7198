"""Frequency content of tokens: amplitude along the diagonal of the 2-D spectrum, relative to frequency 0."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ._grid import require_grid, require_patches
from ._precision import full_precision

EPSILON = 1e-6
"""Added to every amplitude before the logarithm, as the official notebook does."""


@full_precision
def relative_log_amplitude(
    tokens: Float[Tensor, "*batch token channel"], *, grid: tuple[int, int]
) -> Float[Tensor, "*batch frequency"]:
    """Log amplitude from frequency 0 to the highest diagonal frequency, less that of frequency 0, in nats.

        F[f] = sum_{r,c} tokens[r, c] exp(-i pi f (r + c)),    L[f] = mean_channel ln(|F[f]| + 1e-6)
        curve[f] = L[f] - L[0]    for f in diagonal_frequencies(grid)

    On a square grid these are the diagonal entries (k, k) of the 2-D FFT up to, not including, Nyquist. On
    any other grid both axes take the same fraction of their Nyquist frequency: the bins of the shorter
    side, which fall between the bins of the longer one. A constant map has no amplitude there either way.
    The logarithm is averaged over channels within an image; averaged over images it is the paper's curve.

    Args:
        tokens: patch tokens only, in row-major order, the residual stream without final norm in the paper.
        grid: (rows, columns) of the patch grid.
    Returns:
        0 at its first entry; the last one is the paper's "delta log amplitude". Below 0 where high
        frequencies are weaker than the mean; down to ln(1e-6) - ln(|F[0]| + 1e-6) for a constant map.
        0 throughout where all tokens are zero.
    Raises:
        ValueError: the grid has another number of patches than the tokens.
    Source: Park et al. 2023 (arXiv:2305.00729), figs. 8, 11, 12; Park & Kim 2022 (arXiv:2202.06709), fig. 2.

    >>> impulse = torch.tensor([5.0] + [0.0] * 15)[:, None]  # one bright patch: every frequency alike
    >>> relative_log_amplitude(impulse, grid=(4, 4)).abs().max() < 1e-6
    tensor(True)
    """
    _check_grid(tokens, grid)
    mean = tokens.mean(dim=-2, keepdim=True)
    waves = _diagonal_waves(grid, like=tokens)
    # Constants have no part in any frequency but 0; left in, their rounding would outweigh the epsilon.
    cosine, sine = (waves @ (tokens - mean)).tensor_split(2, dim=-2)
    amplitude = torch.cat([mean.abs() * tokens.shape[-2], (cosine.square() + sine.square()).sqrt()], dim=-2)
    curve = amplitude.add_(EPSILON).log_().mean(dim=-1)
    return curve - curve[..., :1]


def diagonal_frequencies(grid: tuple[int, int]) -> Float[Tensor, " frequency"]:
    """Frequencies of `relative_log_amplitude` in units of pi (1 is Nyquist), along both axes.

        frequency[k] = 2 k / n    for k < n / 2, n the shorter side of the grid

    Returns:
        From 0 to less than 1: the last is 0.857 on 14 x 14 patches and 0.973 on 37 x 37, so that the
        "highest frequency" of two models is the same only where their grids are.
    Raises:
        ValueError: a side of the grid is below 1.
    Source: as `relative_log_amplitude`.

    >>> diagonal_frequencies((4, 6))
    tensor([0.0000, 0.5000])
    """
    require_patches(grid)
    side = min(grid)
    return torch.arange(math.ceil(side / 2)) * (2 / side)


def _diagonal_waves(grid: tuple[int, int], *, like: Tensor) -> Float[Tensor, "wave token"]:
    """cos(pi f (r + c)) of every frequency above 0, then sin; a row for each, a column for each token."""
    rows = torch.arange(grid[0], device=like.device)
    columns = torch.arange(grid[1], device=like.device)
    steps = (rows[:, None] + columns).flatten()
    side = min(grid)
    bins = torch.arange(1, math.ceil(side / 2), device=like.device)
    # Phases are reduced as whole numbers of 2 pi / side, so float32 sees none above 2 pi.
    phases = (bins[:, None] * steps % side).to(like.dtype) * (2 * math.pi / side)
    return torch.cat([phases.cos(), phases.sin()])


def _check_grid(tokens: Tensor, grid: tuple[int, int]) -> None:
    require_grid(grid)
    if min(grid) < 1 or grid[0] * grid[1] != tokens.shape[-2]:
        raise ValueError(
            f"grid={grid} has {grid[0] * grid[1]} patches, but tokens has {tokens.shape[-2]} in shape "
            f"{tuple(tokens.shape)}; pass patch tokens only (drop the class token and registers) and the "
            f"grid as (rows, columns)"
        )
