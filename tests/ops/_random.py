"""Random attention and features, the same for a seed whatever was drawn before."""

import torch


def attention_of(*shape, sharpness=2.0, dtype=torch.float64, seed=0):
    """Softmax weights (..., query, key) of normal logits; the sharper, the nearer to one key for each query."""
    return (sharpness * randn(*shape, seed=seed)).softmax(-1).to(dtype)


def behind_a_sink(strength):
    """Logits (2 heads, 17 queries, 17 keys) in float32; every other query leaves the patches about e^-strength."""
    logits = randn(2, 17, 17).float()
    logits[:, ::2, 0] += strength
    return logits


def randn(*shape, seed=0):
    """Normal values in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
