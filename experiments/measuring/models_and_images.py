"""What experiments share that look into models: facts of models and images, depths, one pass over the images."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..applicable import NotApplicable

if TYPE_CHECKING:
    import torch

    from study.data import Images

    from ..settings import Settings


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
    """What every figure says of its models and images, as JSON takes it.

    Returns:
        `images`: how many, `data`: where they are, `miniatures`: names, `layouts`: of each model grid (rows, columns),
        patch size (height, width) in pixels, tokens before the patches (`prefix`) and depth.
    """
    from study.model_set import is_miniature

    return {
        "images": len(images),
        "data": images.where,
        "layouts": {name: _layout(model) for name, model in models.items()},
        "miniatures": [name for name, model in models.items() if is_miniature(model)],
    }


def batches_of(name: str, model: Any, images: Images, settings: Settings) -> Iterable[tuple[Any, Any]]:
    """The images as a model takes them, in batches of (pixels, labels), with a progress bar.

    Args:
        name: of the bar.
        model: whose preprocessing it is.
        images: of `open_images`.
        settings: of the run; `batch_size` and `workers` count.
    """
    from tqdm.auto import tqdm

    from models import image_transform
    from study.batches import batches

    loader = batches(images, image_transform(model), batch_size=settings.batch_size, workers=settings.workers)
    return tqdm(loader, desc=name, unit="batch")


def _layout(model: Any) -> dict[str, Any]:
    from models import token_layout
    from models.layout import pair

    layout = token_layout(model)
    sizes = {"grid": list(layout.grid), "patch_size": list(pair(layout.patch_size)), "prefix": layout.prefix}
    return {**sizes, "depth": len(model.blocks)}
