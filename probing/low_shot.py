"""Few labelled images of each class, as low-shot probing has it."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor


def low_shot(labels: Int[Tensor, " image"], shots: int | None, *, seed: int = 0) -> Int[Tensor, " chosen"]:
    """Numbers of the images to learn from, ascending: `shots` of each class, drawn with the seed; all for None.

    Raises:
        ValueError: shots below 1, or a class that has fewer images.

    >>> low_shot(torch.tensor([0, 1, 0, 1]), 2)
    tensor([0, 1, 2, 3])
    """
    if shots is None:
        return torch.arange(len(labels))
    if shots < 1:
        raise ValueError(f"--shots {shots}: expected at least 1 image of each class")
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label in labels.unique():
        numbers = (labels == label).nonzero().squeeze(1)
        if len(numbers) < shots:
            raise ValueError(f"--shots {shots}: class {int(label)} has only {len(numbers)} training images")
        chosen.append(numbers[torch.randperm(len(numbers), generator=generator)[:shots]])
    return torch.cat(chosen).sort().values
