"""How much the tokens of one image differ from each other, channel by channel."""

from jaxtyping import Float
from torch import Tensor

from ._precision import full_precision
from ._shapes import require_axes


@full_precision
def featuremap_variance(tokens: Float[Tensor, "*batch token channel"]) -> Float[Tensor, "*batch"]:
    """Mean over channels of the variance over the patches of one image, in squared units of the tokens.

        variance = mean_channel sum_token (tokens[token, channel] - mean[channel])^2 / (number of tokens - 1)

    Args:
        tokens: patch tokens only; in the sources the residual stream without final norm.
    Returns:
        0 where all tokens are equal; no upper bound.
    Raises:
        ValueError: fewer than two tokens.
    Source: Park & Kim 2022 (arXiv:2202.06709); unbiased over the grid, as in their notebook.

    >>> import torch
    >>> featuremap_variance(torch.tensor([[0.0, 1.0], [2.0, 1.0]]))
    tensor(1.)
    """
    require_axes("tokens", tokens, "token channel", cure="pass all patch tokens, not a pooled vector")
    count, channels = tokens.shape[-2:]
    if count < 2:
        raise ValueError(
            f"tokens has {count} token in shape {tuple(tokens.shape)}; a variance over patches "
            f"needs at least 2. Axes end in (token, channel): pass all patch tokens, not a pooled vector."
        )
    # One sum over both axes; torch.var along the tokens takes ten times as long.
    centred = tokens - tokens.mean(dim=-2, keepdim=True)
    return centred.square().sum(dim=(-2, -1)) / ((count - 1) * channels)
