"""How much of the tokens a projection on few axes shows."""

from jaxtyping import Float
from torch import Tensor

from ._precision import full_precision


@full_precision
def explained_variance(
    tokens: Float[Tensor, "*batch token channel"], *, projected: Float[Tensor, "*batch token component"]
) -> Float[Tensor, "component"]:
    """Share of the tokens' variance that lies along each axis of a projection, without unit, in float64.

        share[k] = var(projected[..., k]) / sum over channels var(tokens),    both over all tokens of all images

    Args:
        tokens: those the axes were fitted to.
        projected: the same tokens along orthonormal axes, as `token_pca` ("raw") and `token_transformation` give
            them; tokens that are NaN there (background) are left out of both.
    Returns:
        0 ... 1 each, together at most 1; NaN where all tokens are equal.
    Raises:
        ValueError: not one projected token for each token.
    Source: Jolliffe 2002, "Principal Component Analysis", section 6.1.

    >>> import torch
    >>> tokens = torch.tensor([[2.0, 1.0], [-2.0, 1.0], [0.0, 4.0]])
    >>> explained_variance(tokens, projected=tokens[:, :1])
    tensor([0.5714], dtype=torch.float64)
    """
    if tokens.shape[:-1] != projected.shape[:-1]:
        raise ValueError(
            f"tokens has shape {tuple(tokens.shape)}, projected {tuple(projected.shape)}; expected the same tokens in "
            f"both, in the same order"
        )
    seen = ~projected.isnan().any(dim=-1)
    points, along = tokens[seen].double(), projected[seen].double()
    return along.var(dim=0, correction=0) / points.var(dim=0, correction=0).sum()
