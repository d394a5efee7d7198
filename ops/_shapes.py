"""Checks of the axes of tensors, before torch words the complaint."""

from torch import Tensor


def require_axes(name: str, tensor: Tensor, axes: str, *, leading: bool = True, cure: str = "") -> None:
    """Raises ValueError where the tensor has fewer axes than `axes` names, or more if none may lead."""
    named = axes.split()
    if tensor.ndim < len(named) or (tensor.ndim > len(named) and not leading):
        wanted = ", ".join(["*batch", *named] if leading else named)
        hint = f"; {cure}" if cure else ""
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}; expected the axes ({wanted}){hint}")


def require_same_shape(**tensors: Tensor) -> None:
    """Raises ValueError where two tensors, given by name, differ in shape."""
    (first, one), (second, other) = tensors.items()
    if one.shape != other.shape:
        raise ValueError(
            f"{first} has shape {tuple(one.shape)}, {second} {tuple(other.shape)}; expected the same tokens of the "
            "same layer: drop the prefix tokens from both or from neither"
        )
