"""All tensors of a checkpoint, by where they stand."""

import torch

from pretraining.training.checkpoint import CHECKPOINT, stored


def tensors(value, place=""):
    """{place: tensor} of everything in nested dicts and lists."""
    if isinstance(value, torch.Tensor):
        return {place: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {name: inner for key, item in items for name, inner in tensors(item, f"{place}/{key}").items()}


def weights(folder):
    """Weights and the optimiser's state in the checkpoint of a training."""
    found = tensors(stored(folder / CHECKPOINT)[0])
    assert any("optimizer" in place for place in found)
    return found
