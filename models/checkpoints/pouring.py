"""Fill a module with weights so that nothing is left over, on either side."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from .reading import some


def pour(state: Mapping[str, torch.Tensor], model: nn.Module, *, file: str) -> None:
    """Copy weights into a module of the same names and shapes, in place.

    Args:
        state: weights by the module's names.
        model: what to fill.
        file: what to call the weights in an error.
    Raises:
        ValueError: a weight has no place, a parameter no weight, or shapes differ; nothing was copied then.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in state]
    left = [name for name in state if name not in wanted]
    shapes = [
        f"{name} {tuple(state[name].shape)} for {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]
    if missing or left or shapes:
        faults = (
            f"{len(missing)} parameters get no weight ({some(missing)})" if missing else "",
            f"{len(left)} weights have no place ({some(left)})" if left else "",
            f"{len(shapes)} shapes differ ({some(shapes)})" if shapes else "",
        )
        raise ValueError(
            f"{file}: does not fit {type(model).__name__}: {'; '.join(filter(None, faults))}. "
            f"{_likely(missing, left, shapes)}"
        )
    model.load_state_dict(dict(state), strict=True)


def _likely(missing: list[str], left: list[str], shapes: list[str]) -> str:
    """The most likely mistake and its cure."""
    if any(name.startswith("fc_norm.") for name in missing) and any(name.startswith("norm.") for name in left):
        return "The model norms after pooling and the file before: build it with global_pool='token'"
    if any(name.startswith("norm.") for name in missing) and any(name.startswith("fc_norm.") for name in left):
        return "The file norms after pooling and the model before: build it with global_pool='avg'"
    if any(".gamma" in name for name in left):
        return "The file has LayerScale: build the model with init_values=0.1"
    if any(name.startswith("head.") for name in (*missing, *left)) and not shapes:
        return "Only one side has a classifier: build the model with the file's num_classes (0 without one)"
    if any("relative_position" in name for name in (*missing, *left)):
        return "Shared and per-block bias tables differ: use_shared_rel_pos_bias=True for pre-trained files"
    if any(text.startswith("pos_embed ") or "relative_position" in text for text in shapes):
        return "The image sizes differ: pass img_size= of the model"
    if shapes:
        return "The architectures differ in size, or the file is damaged"
    return "The file is damaged or of another architecture; inspect_checkpoint(path) shows what it holds"
