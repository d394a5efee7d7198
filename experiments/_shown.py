"""What experiments that show tokens of a few images share: which depths, which images, models on their device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .applicable import NotApplicable

if TYPE_CHECKING:
    import torch

    from study.data import Images

    from .settings import Settings


def chosen_depths(asked: Sequence[int], models: Mapping[str, Any], own: Sequence[int]) -> dict[str, list[int]]:
    """Depths to show of each model, ascending.

    Args:
        asked: by the user, 1 ... L; () for the experiment's own choice.
        models: by name.
        own: that choice, negative from the end: -1 is the last block.
    Raises:
        NotApplicable: a model has no block at such a depth.
    """
    found = {}
    for name, model in models.items():
        count = len(model.blocks)
        wrong = [depth for depth in asked if not 1 <= depth <= count]
        if wrong:
            raise NotApplicable(
                f"--depths {' '.join(map(str, wrong))}: {name} has {count} blocks, depths 1 to {count}; choose depths "
                "that all models have, or leave it out"
            )
        found[name] = sorted(set(asked) or {depth if depth > 0 else max(count + 1 + depth, 1) for depth in own})
    return found


@contextlib.contextmanager
def placed(model: Any, settings: Settings, device: torch.device) -> Iterator[Any]:
    """The model on its device in the precision of the run; on the CPU afterwards."""
    import torch

    model.to(device, getattr(torch, settings.dtype))
    try:
        yield model
    finally:
        model.cpu()


def known_facts(models: Mapping[str, Any], images: Images) -> dict[str, Any]:
    """What every figure says of its models and images."""
    from study.model_set import is_miniature

    from .depth_metrics import _layout

    return {
        "images": len(images),
        "data": images.where,
        "layouts": {name: _layout(model) for name, model in models.items()},
        "miniatures": [name for name, model in models.items() if is_miniature(model)],
    }
