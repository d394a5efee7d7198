"""How the golden files hold numbers: one per parameter, in the order of a list of names."""

from collections.abc import Iterable, Mapping

import numpy as np
from torch import Tensor

NOISE = ("base_encoder.norm.bias", "momentum_encoder.norm.bias", "attn.qkv.bias")
"""Parameters whose gradient is 0 in mathematics, in whole or in part, and noise in float32."""


def per_name(values: Mapping[str, Tensor], names: Iterable[str], statistic: str) -> np.ndarray:
    """The sum or the L2 norm, in float64, of the tensors with these names."""
    functions = {"sum": Tensor.sum, "l2": Tensor.norm}
    return np.array([functions[statistic](values[name].detach().double()).item() for name in names])


def quiet(names: list[str]) -> np.ndarray:
    """Which of the names can be compared in float32 after AdamW."""
    return np.array([not name.endswith(NOISE) for name in names])
