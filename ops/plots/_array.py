"""Tensors, lists and pictures as NumPy arrays."""

from typing import Any

import numpy as np


def array(values: Any) -> np.ndarray:
    """`values` as an array on the CPU; tensors are detached, bfloat16 becomes float32."""
    if not callable(getattr(values, "detach", None)):
        return np.asarray(values)
    tensor = values.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() and tensor.itemsize < 4 else tensor).numpy()
