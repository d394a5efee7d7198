"""What is measured of images, chunk by chunk: nothing goes from one chunk to the next, so any process can do any."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from models import measure

from .chunks import Plan
from .packed import Arrays, packed


def _itself(network: Any) -> Any:
    return network


def _the_model(name: str, model: Any) -> Any:
    return model


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What is measured; functions of modules or `functools.partial` of them, so that other processes get the same.

    Attributes:
        part: from (network, batches of images and labels, numbers of these images in the collection) to the arrays of a
            chunk.
        opened: from a model's name in the run, and the model, to the network that `part` takes; by default the model.
        encoder: from that network to the ViT whose images and heads it has; by default the network itself.
    """

    part: Callable[[Any, Iterable[Any], np.ndarray], Arrays]
    opened: Callable[[str, Any], Any] = _the_model
    encoder: Callable[[Any], Any] = _itself

    @property
    def identity(self) -> dict[str, str]:
        """What is measured and with which options, in words."""
        identity = {"measured": _name(self.part)}
        for option, value in getattr(self.part, "keywords", {}).items():
            if isinstance(value, Mapping):
                identity |= {f"{option} {name}": _described(one) for name, one in value.items()}
            else:
                identity[option] = _described(value)
        return identity


def values_of_images(metrics: Mapping[str, Callable[..., Any]]) -> Measurement:
    """The measurement of metrics, as for `models.measure`: the arrays are those of its table."""
    return Measurement(functools.partial(metric_values, metrics=dict(metrics)))


def check_batches(metrics: Mapping[str, Callable[..., Any]], plan: Plan) -> None:
    """Whether the metrics may be measured in several batches.

    Raises:
        ValueError: one compares the images of a batch.
    """
    across = [name for name, function in metrics.items() if getattr(function, "across_images", False)]
    if across and plan.images > plan.batch_size:
        raise ValueError(
            f"metrics {across} compare the images of a batch with each other, so their values would depend on how the "
            f"images are split: with --batch-size {plan.images} all of them are one batch"
        )


def metric_values(
    model: Any, batches: Iterable[Any], numbers: np.ndarray, *, metrics: Mapping[str, Callable[..., Any]]
) -> Arrays:
    """Per-image values of metrics, as `study.packed` has them.

    Args:
        model: on its device.
        batches: of images, with anything beside them.
        numbers: of these images in the collection.
        metrics: as for `models.measure`.
    """
    table = measure(model, batches, metrics, progress=False)
    return packed(table.assign(image=numbers[table["image"].to_numpy()].astype(np.int32)))


def _described(value: Any) -> str:
    """A function with its options, or any other value."""
    if isinstance(value, functools.partial):
        options = ", ".join(f"{name}={_described(one)}" for name, one in sorted(value.keywords.items()))
        return f"{_name(value)}({options})"
    return _name(value) if callable(value) else repr(value)


def _name(function: Callable[..., Any]) -> str:
    function = function.func if isinstance(function, functools.partial) else function
    return f"{function.__module__}.{function.__qualname__}"
