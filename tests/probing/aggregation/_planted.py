"""Tokens of which one patch knows the class: easy for attention, hard for the mean."""

import torch

from models import TokenLayout

LAYOUT = TokenLayout(1, 1, (3, 4), 8)
CLASSES, CHANNELS = 3, 12


def planted(images, seed=0, layout=LAYOUT):
    """Tokens (image token channel) as numpy and labels; the patch of the class is marked in the last channel."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(images, layout.prefix + layout.patches, CHANNELS, generator=generator)
    labels = torch.randint(CLASSES, (images,), generator=generator)
    place = torch.randint(layout.patches, (images,), generator=generator) + layout.prefix
    marked = torch.zeros(images, CHANNELS)
    marked[torch.arange(images), labels] = 3.0
    marked[:, -1] = 4.0
    tokens[..., -1] = 0
    tokens[torch.arange(images), place] += marked
    return tokens.numpy(), labels, place - layout.prefix
