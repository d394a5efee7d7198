"""Find the transformer blocks of a plain ViT, and those of them that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn

from ..layout import innermost
from ..plain_vits import refuse_unless_plain

NEVER_CALLED = (nn.ModuleList, nn.ModuleDict)


def transformer_blocks(model: nn.Module, blocks: Sequence[nn.Module] | None = None) -> list[nn.Module]:
    """The blocks of a ViT in the order of depth.

    Args:
        model: any plain ViT; wrappers of torch.compile and DistributedDataParallel are looked through.
        blocks: the blocks themselves, where the model is one's own.
    Raises:
        ValueError: the model is no plain ViT, is wrapped in DataParallel, or its blocks cannot be told.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"the model is a {type(model).__name__}, not a torch module: load_model(name) gives one")
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
        f"{found}): tap the part of it that is the ViT, or pass them as blocks=, for example "
        "blocks=model.encoder.blocks"
    )


def checkpoints(model: nn.Module) -> bool:
    """Whether the model runs its blocks again in the backward pass, in timm's way or that of transformers."""
    flags = ("grad_checkpointing", "gradient_checkpointing")
    return any(getattr(module, flag, False) is True for module in model.modules() for flag in flags)


def chosen_layers(layers: Iterable[int] | int | None, depth: int) -> list[int]:
    """Layer numbers from 0 to depth - 1 in order.

    Raises:
        ValueError: a layer that the model does not have.
    """
    if layers is None:
        return list(range(depth))
    asked = [layers] if isinstance(layers, int) else list(layers)
    wrong = [layer for layer in asked if not -depth <= layer < depth]
    if wrong or not asked:
        raise ValueError(
            f"layers={asked}: the model has {depth} layers, numbered 0 to {depth - 1} (or -{depth} to -1 from the end)"
        )
    return sorted({layer % depth for layer in asked})


def _own(model: nn.Module, blocks: Sequence[nn.Module]) -> list[nn.Module]:
    own = list(blocks)
    lists = [index for index, block in enumerate(own) if isinstance(block, NEVER_CALLED)]
    if lists:
        raise ValueError(
            f"blocks {lists} are lists of modules, which are never called themselves: pass what is called in each of "
            "them, for example blocks=[layer[0] for layer in model.layers] with points=['attention', 'head_outputs']"
        )
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
    if any(isinstance(child, NEVER_CALLED) for child in children):
        return False
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
