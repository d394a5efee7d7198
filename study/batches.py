"""Images as batches of tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

NO_LABEL = -1


class Pictures(Protocol):
    """Images by number, with the class of each or None."""

    @property
    def labels(self) -> tuple[int, ...] | None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Image.Image: ...


def batches(
    images: Pictures,
    transform: Callable[[Image.Image], Tensor],
    *,
    batch_size: int,
    workers: int = 0,
    only: Sequence[int] | None = None,
) -> Iterable[tuple[Tensor, Tensor]]:
    """(images, labels) in the order of the images; the last batch may be smaller, nothing is padded or dropped.

    Args:
        images: of `open_images`, or others of the same kind.
        transform: from a PIL image to a tensor, as `models.image_transform(model)`.
        batch_size: images in a batch.
        workers: processes that read images; 0 reads in this one.
        only: numbers of the batches to make, in this order; all by default.
    Returns:
        An iterable with a length, for any number of passes: tensors (batch 3 height width) and (batch), -1 where
        there are no labels.
    Raises:
        ValueError: batch_size below 1 or workers below 0.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}; expected at least 1")
    if workers < 0:
        raise ValueError(f"workers={workers}; expected 0 (read in this process) or more")
    starts = [number * batch_size for number in (range(-(-len(images) // batch_size)) if only is None else only)]
    places = [list(range(start, min(start + batch_size, len(images)))) for start in starts]
    return DataLoader(_Transformed(images, transform), batch_sampler=places, num_workers=workers)


class _Transformed(Dataset[Any]):
    """Image and label by index, for the workers."""

    def __init__(self, images: Pictures, transform: Callable[[Image.Image], Tensor]) -> None:
        self.images = images
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        label = NO_LABEL if self.images.labels is None else self.images.labels[index]
        return self.transform(self.images[index]), label
