"""The forward hooks that tell a `Forward` where a model is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..layout import innermost
from ._forward import Forward


def hooks(model: nn.Module, blocks: Sequence[nn.Module], forward: Forward) -> Iterator[RemovableHandle]:
    """Register the hooks one by one, so that whoever collects the handles can remove them at any moment."""
    yield model.register_forward_pre_hook(partial(_enter_model, forward), with_kwargs=True)
    for index, block in enumerate(blocks):
        if index != 0 and index not in forward.layers:
            continue
        inner = innermost(block)  # blocks may have been compiled one by one
        name = f"layer {index} ({type(inner).__name__})"
        yield block.register_forward_pre_hook(partial(_enter_block, forward, index, name), with_kwargs=True)
        if index in forward.layers:
            yield from _child_hooks(inner, forward)
        yield block.register_forward_hook(partial(_leave_block, forward, index, name))


def _child_hooks(block: nn.Module, forward: Forward) -> Iterator[RemovableHandle]:
    in_place = any(getattr(child, "inplace", False) for child in block.children())  # such as timm's LayerScale
    for name, child in block.named_children():
        is_norm = "norm" in type(child).__name__.lower()
        yield child.register_forward_pre_hook(partial(_enter_child, forward, name, is_norm))
        yield child.register_forward_hook(partial(_leave_child, forward, name, in_place))


def _enter_model(forward: Forward, _: nn.Module, args: tuple, kwargs: dict) -> None:
    forward.enter_model()
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor) and value.ndim == 4:
            forward.see_images(value, sure=True)
            return


def _enter_block(forward: Forward, index: int, name: str, _: nn.Module, args: tuple, kwargs: dict) -> None:
    forward.enter_block(index, name, _required((*args, *kwargs.values()), name))


def _leave_block(forward: Forward, index: int, name: str, _: nn.Module, args: tuple, output: Any) -> None:
    forward.leave_block(index, _required(output, name))


def _enter_child(forward: Forward, name: str, is_norm: bool, _: nn.Module, args: tuple) -> None:
    forward.enter_child(name, is_norm, _tensor(args))


def _leave_child(forward: Forward, name: str, in_place: bool, _: nn.Module, args: tuple, output: Any) -> None:
    forward.leave_child(name, _tensor(output), changed_later=in_place)


def _tensor(value: Any) -> Tensor | None:
    """The value itself, or the first tensor of a tuple."""
    if isinstance(value, tuple | list):
        return next((entry for entry in value if isinstance(entry, Tensor)), None)
    return value if isinstance(value, Tensor) else None


def _required(value: Any, name: str) -> Tensor:
    tensor = _tensor(value)
    if tensor is None:
        raise ValueError(f"{name} does not take or return a tensor of tokens: pass other modules as blocks=")
    return tensor
