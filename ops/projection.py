"""Tokens in two or three dimensions: t-SNE, principal components, and what a self-attention does to them."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ._precision import full_precision
from ._shapes import require_same_shape

Foreground = Callable[[Tensor], Tensor]
"""From the first component of each token, scaled to 0 ... 1, to True where the token is foreground."""


@full_precision
def token_tsne(
    tokens: Float[Tensor, "*batch token channel"],
    *,
    perplexity: float = 20.0,
    max_iter: int = 1000,
    seed: int = 0,
) -> Float[Tensor, "*batch token 2"]:
    """t-SNE of all tokens of all images together, in arbitrary units; float32 on the device of the tokens.

    Settings of the official notebook: 2-D, perplexity 20, automatic learning rate, random start, 1000
    iterations; the seed is ours. Distances between clusters and their sizes mean nothing, only who
    neighbours whom. Same seed, same scikit-learn, same machine: same picture.

    Args:
        tokens: patch tokens only; 18 images of 196 in the paper.
        perplexity: effective number of neighbours, below the number of tokens.
        max_iter: iterations of the optimisation, at least 250.
        seed: of the random start.
    Raises:
        ValueError: as many neighbours as tokens, too few iterations, or tokens that are not finite.
        ModuleNotFoundError: scikit-learn (1.5 or newer) is missing.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. E.2; van der Maaten & Hinton 2008.
    """
    _require_finite("tokens", tokens)
    points = tokens.reshape(-1, tokens.shape[-1])
    if not 0 < perplexity < len(points):
        raise ValueError(
            f"perplexity={perplexity} with {len(points)} tokens; expected above 0 and below the number of "
            f"tokens. Pass more images or a smaller perplexity."
        )
    if max_iter < 250:
        raise ValueError(f"max_iter={max_iter}; scikit-learn's t-SNE needs at least 250, the paper uses 1000")
    from sklearn.manifold import TSNE

    settings = {"learning_rate": "auto", "init": "random", "perplexity": perplexity, "max_iter": max_iter}
    embedding = TSNE(n_components=2, random_state=seed, **settings).fit_transform(points.float().cpu().numpy())
    return torch.from_numpy(embedding).float().to(tokens.device).reshape(*tokens.shape[:-1], 2)


@full_precision
def token_pca(
    tokens: Float[Tensor, "*batch token channel"],
    *,
    components: int = 3,
    fit: Literal["joint", "image"] = "joint",
    scaling: Literal["raw", "unit"] = "raw",
    foreground: Foreground | None = None,
) -> Float[Tensor, "*batch token {components}"]:
    """Tokens along their principal axes, largest variance first, in units of the tokens ("raw") or 0 to 1.

        projected = (tokens - mean) axes^T,    axes = right singular vectors of (tokens - mean)

    The mean is that of the tokens fitted. An axis points to where its largest loading (by size) is positive,
    so the same tokens give the same picture each time. Computed in float64.

    Args:
        tokens: patch tokens only.
        components: number of axes; 3 make the red, green and blue of a picture.
        fit: "joint", one mean and one set of axes for all images, colours comparable; "image", each its own.
        scaling: "raw", or "unit": each component from 0 (its lowest token) to 1 over the tokens fitted.
        foreground: rule applied to the first component scaled to 0 ... 1, such as `lambda first: first > 0.5`;
            axes are then fitted again to the tokens it keeps, and the others become NaN. Which side is
            the foreground depends on model and image: look at the first component before.
    Raises:
        ValueError: more components than tokens or channels, unknown fit or scaling, a rule that keeps too
            few tokens, or tokens that are not finite.
    Source: Oquab et al. 2023 (arXiv:2304.07193), fig. 1, which thresholds the first component as well.

    >>> tokens = torch.tensor([[0.0, 1.0], [3.0, 1.0], [6.0, 1.0]])
    >>> token_pca(tokens, components=1).flatten()
    tensor([-3.,  0.,  3.])
    >>> token_pca(tokens, components=1, scaling="unit").flatten()
    tensor([0.0000, 0.5000, 1.0000])
    """
    _require_choice("fit", fit, ("joint", "image"))
    _require_choice("scaling", scaling, ("raw", "unit"))
    _require_finite("tokens", tokens)
    rows = tokens.shape[-2] if fit == "image" else tokens[..., 0].numel()
    groups = tokens.double().reshape(-1, rows, tokens.shape[-1])
    projected = [_projected(group, components, foreground) for group in groups]
    if scaling == "unit":
        projected = [_unit_range(group) for group in projected]
    return torch.stack(projected).reshape(*tokens.shape[:-1], components).to(tokens.dtype)


@full_precision
def token_transformation(
    before: Float[Tensor, "*batch token channel"],
    after: Float[Tensor, "*batch token channel"],
    *,
    components: int = 3,
    basis: Literal["joint", "before", "after"] = "joint",
) -> tuple[Float[Tensor, "*batch token {components}"], Float[Tensor, "*batch token {components}"]]:
    """Tokens before and after a self-attention along the same few axes, in units of the tokens.

        axes = right singular vectors of (fitted - mean(fitted)),    fitted = before and after, all images
        projected = (tokens - mean(fitted)) axes^T

    One centred SVD for both sets, so that a shift of all tokens is seen as a shift; signs as in `token_pca`.
    The paper shows such clouds in three dimensions and does not say on which matrix the axes were fitted:
    the union is our choice.

    Args:
        before: residual stream that enters the block, patch tokens only, of the images shown.
        after: residual stream after the attention branch was added.
        components: number of axes.
        basis: the tokens fitted: "joint", both sets; "before" or "after", one of them. Axes of one set show
            little of a movement across them.
    Returns:
        (before, after), each projected; equal where attention changes nothing.
    Raises:
        ValueError: more components than tokens or channels, tokens that are not finite, unequal shapes, or an
            unknown basis.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 6.

    >>> before = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> token_transformation(before, before + torch.tensor([3.0, 0.0]), components=1)[1].flatten()
    tensor([1., 2.])
    """
    _require_choice("basis", basis, ("joint", "before", "after"))
    require_same_shape(before=before, after=after)
    both = torch.stack([before, after])
    _require_finite("tokens", both)
    fitted = {"joint": both, "before": before, "after": after}[basis]
    mean, axes = _axes(fitted.double().reshape(-1, before.shape[-1]), components)
    projected = ((both.double() - mean) @ axes.T).to(both.dtype)
    return projected[0], projected[1]


def _axes(points: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """(mean, axes) of (sample, channel): the first principal axes as rows, the largest loading of each positive."""
    if not 1 <= components <= min(points.shape):
        raise ValueError(
            f"components={components} of {points.shape[0]} tokens with {points.shape[1]} channels; expected 1 "
            f"to {min(points.shape)}. Ask for fewer, or fit more tokens together."
        )
    mean = points.mean(dim=0)
    axes = torch.linalg.svd(points - mean, full_matrices=False).Vh[:components]
    largest = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))
    return mean, axes * largest.sign()


def _projected(points: Tensor, components: int, foreground: Foreground | None) -> Tensor:
    """(sample, component) of (sample, channel); NaN where the rule says background."""
    mean, axes = _axes(points, components)
    projected = (points - mean) @ axes.T
    if foreground is None:
        return projected
    kept = _foreground(projected[:, 0], foreground, least=components)
    shown = torch.full_like(projected, torch.nan)
    shown[kept] = _projected(points[kept], components, None)
    return shown


def _foreground(first: Tensor, rule: Foreground, *, least: int) -> Tensor:
    kept = rule(_unit_range(first[:, None])[:, 0])
    if kept.shape != first.shape or kept.dtype != torch.bool:
        raise ValueError(
            f"foreground returned {kept.dtype} of shape {tuple(kept.shape)}; expected torch.bool of shape "
            f"{tuple(first.shape)}, a comparison such as `lambda first: first > 0.5`"
        )
    if kept.sum() < least:
        raise ValueError(
            f"foreground keeps {int(kept.sum())} of {len(kept)} tokens; expected at least {least}, one for each "
            f"component. Move the threshold, or turn the comparison round."
        )
    return kept


def _unit_range(projected: Tensor) -> Tensor:
    """Each column from 0 to 1, background (NaN) aside; 0 where a column is constant."""
    low = projected.nan_to_num(nan=torch.inf).amin(dim=0)
    span = projected.nan_to_num(nan=-torch.inf).amax(dim=0) - low
    return (projected - low) / span.where(span > 0, 1)


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r}; expected one of {', '.join(map(repr, choices))}")


def _require_finite(name: str, tokens: Tensor) -> None:
    bad = int((~tokens.isfinite()).any(dim=-1).sum())
    if bad:
        raise ValueError(
            f"{name} has {bad} of {tokens[..., 0].numel()} tokens with NaN or infinity, and axes are fitted to "
            f"all of them; leave these images out, or look for the layer that makes them"
        )
