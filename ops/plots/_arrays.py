"""What the plots take as numbers: anything numpy can read, tensors of any dtype and graph included."""

import sys
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class SupportsArray(Protocol):
    """Arrays, tensors, columns of tables."""

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray: ...


Values = SupportsArray | Sequence


def array(name: str, values: Values, shape: str) -> np.ndarray:
    """The values as a numpy array with as many axes as `shape` names, such as "depth rank".

    Raises:
        ValueError: another number of axes, or no values at all.
    """
    found = np.asarray(_detached(values))
    if found.ndim != len(shape.split()) or found.size == 0:
        raise ValueError(
            f"{name} has shape {found.shape}; expected ({shape.replace(' ', ', ')}), none of them 0. Average over or "
            f"pick from the axes that are too many (images, heads) before drawing"
        )
    return found


def pair(first: str, x: Values, second: str, y: Values, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of the same length, `axis` being what runs along them.

    Raises:
        ValueError: they are not columns, or differ in length.
    """
    xs, ys = array(first, x, axis), array(second, y, axis)
    if len(xs) != len(ys):
        raise ValueError(
            f"{first} has {len(xs)} values, {second} has {len(ys)}; expected one for each {axis}. Depth 0 is the "
            f"embedding: tokens have depths 0 ... L, attention 1 ... L"
            if axis == "depth"
            else f"{first} has {len(xs)} values, {second} has {len(ys)}; expected one for each {axis}"
        )
    return xs, ys


def _detached(values: Any) -> Values:
    """A tensor as numpy can read it; anything else as it is. Tables are drawn without torch, so none is imported."""
    torch = sys.modules.get("torch")  # where there is no torch, there is no tensor
    if torch is None or not isinstance(values, torch.Tensor):
        return values
    narrow = values.is_floating_point() and values.itemsize < 4  # numpy has no bfloat16
    return values.detach().cpu().float() if narrow else values.detach().cpu()
