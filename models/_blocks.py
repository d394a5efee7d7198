"""Find the transformer blocks of a plain ViT, and those of them that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn

from .layout import innermost
from .plain_vits import refuse_unless_plain


def transformer_blocks(model: nn.Module, blocks: Sequence[nn.Module] | None = None) -> list[nn.Module]:
    """The blocks of a ViT in the order of depth.

    Args:
        model: any plain ViT; wrappers of torch.compile and DistributedDataParallel are looked through.
        blocks: the blocks themselves, where the model is one's own.
    Raises:
        ValueError: the model is no plain ViT, is wrapped in DataParallel, or its blocks cannot be told.
    """
    if isinstance(model, nn.DataParallel):
        raise ValueError(
            "the model is wrapped in DataParallel, whose threads a tap cannot see: pass model.module, "
            "or run one process per GPU"
        )
    bare = innermost(model)
    if blocks is not None:
        return _own(bare, blocks)
    refuse_unless_plain(type(bare).__name__)
    candidates = _outermost((name, module) for name, module in bare.named_modules() if _is_stack_of_blocks(module))
    if len(candidates) == 1:
        return list(candidates[0][1].children())
    found = ", ".join(name for name, _ in candidates) or "none"
    raise ValueError(
        f"cannot tell which modules of {type(bare).__name__} are its transformer blocks (stacks of blocks found: "
        f"{found}): pass them as blocks=, for example blocks=model.encoder.blocks"
    )


def chosen_layers(layers: Iterable[int] | None, depth: int) -> list[int]:
    """Layer numbers from 0 to depth - 1 in order.

    Raises:
        ValueError: a layer that the model does not have.
    """
    if layers is None:
        return list(range(depth))
    asked = list(layers)
    wrong = [layer for layer in asked if not -depth <= layer < depth]
    if wrong or not asked:
        raise ValueError(
            f"layers={asked}: the model has {depth} layers, numbered 0 to {depth - 1} (or -{depth} to -1 from the end)"
        )
    return sorted({layer % depth for layer in asked})


def _own(model: nn.Module, blocks: Sequence[nn.Module]) -> list[nn.Module]:
    own = list(blocks)
    inside = {id(module) for module in model.modules()}
    strangers = [index for index, block in enumerate(own) if id(block) not in inside]
    if not own or strangers:
        what = f"blocks {strangers} are not modules of it" if own else "the list is empty"
        raise ValueError(f"blocks= does not hold blocks of this {type(model).__name__}: {what}")
    return own


def _is_stack_of_blocks(module: nn.Module) -> bool:
    if not isinstance(module, nn.ModuleList | nn.Sequential):
        return False
    children = list(module.children())
    return bool(children) and len({type(child) for child in children}) == 1 and _is_block(children[0])


def _is_block(module: nn.Module) -> bool:
    """By the names of classes: something with attention inside, or a block with a norm and its attention in line."""
    own = type(module).__name__.lower()
    inside = [type(part).__name__.lower() for part in module.modules() if part is not module]
    if any("attention" in name or "attn" in name for name in inside):
        return True
    return ("block" in own or "layer" in own) and any("norm" in name for name in inside)


def _outermost(stacks: Iterable[tuple[str, nn.Module]]) -> list[tuple[str, nn.Module]]:
    kept: list[tuple[str, nn.Module]] = []
    for name, module in stacks:
        if not any(name.startswith(f"{outer}.") for outer, _ in kept):
            kept.append((name, module))
    return kept
