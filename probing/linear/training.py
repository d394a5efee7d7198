"""From features and labels to trained probes of every cell, the learning rate chosen on images held out for it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from ..presets import Preset
from ..state import FINGERPRINT, same_state, write_state
from .batched import BatchedProbes, fitting_batch, learning_rate
from .probes import Probe
from .sources import Source

HELD_OUT = 10  # every tenth training image chooses among learning rates
SAVE_EVERY = 20.0  # seconds
CHUNK = 4096  # images whose logits are computed at once

Rows = Callable[[Tensor], Float[Tensor, "batch cell channel"]]
"""From numbers of images to their vectors in every cell."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How probes are trained.

    Attributes:
        preset: the recipe.
        rates: factors on its learning rate; of lbfgs on its weight decay.
        epochs: passes over the images; None for the preset's.
        batch: images of a step; None for the preset's, or less where there are few images.
        seed: of first weights and of the order of images.
    """

    preset: Preset
    rates: tuple[float, ...] = (1.0,)
    epochs: int | None = None
    batch: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = [rate for rate in self.rates if not rate > 0]
        if wrong or not self.rates:
            raise ValueError(f"rates={self.rates}; expected factors above 0, such as 0.1 1 10")
        for name, value in (("epochs", self.epochs), ("batch", self.batch)):
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}; expected at least 1")

    def of_epochs(self) -> int:
        """Passes over the images."""
        return self.epochs or self.preset.epochs

    def of_batch(self, images: int) -> int:
        """Images of a step, at most all of them."""
        return min(self.batch or fitting_batch(self.preset, images), images)


def split(labels: Int[Tensor, " image"], rates: Sequence[float]) -> tuple[Int[Tensor, " fit"], Int[Tensor, " held"]]:
    """Numbers of the images to train on, and of those that choose among the rates: none where there is one rate.

    Held out is every tenth image of each class, at least one of each, so that no class is only in one of the parts.

    Args:
        labels: class of each image that may be learned from.
        rates: that are tried.
    Raises:
        ValueError: several rates, and a class of which there is a single image.

    >>> [part.tolist() for part in split(torch.tensor([0, 0, 1, 1, 1]), (0.1, 1.0))]
    [[0, 2, 3], [1, 4]]
    """
    held = torch.zeros(len(labels), dtype=torch.bool)
    if len(rates) > 1:
        for label in labels.unique():
            places = (labels == label).nonzero().squeeze(1)
            if len(places) < 2:
                raise ValueError(
                    f"class {int(label)} has a single training image, which cannot both teach and choose among "
                    f"{len(rates)} rates: name one with --rates, or take more images (--shots, --limit)"
                )
            held[places[HELD_OUT - 1 :: HELD_OUT] if len(places) >= HELD_OUT else places[-1:]] = True
    numbers = torch.arange(len(labels))
    return numbers[~held], numbers[held]


def train(
    source: Source,
    *,
    cells: int,
    channels: int,
    classes: int,
    plan: Plan,
    batch: int,
    device: torch.device | str = "cpu",
    state: Path | None = None,
    identity: str = "",
    progress: bool = True,
) -> BatchedProbes:
    """Train probes of all cells and rates.

    Args:
        source: of the batches.
        cells, channels: of what it gives.
        classes: number of classes.
        plan: preset and what was changed of it.
        batch: images of a step.
        device: to compute on.
        state: file from which a training that was killed goes on, to the same result; removed at the end.
        identity: of features and images; a state of others, or of another plan, is not gone on with.
        progress: show a bar.
    Raises:
        ValueError: weights of a cell that at every rate are no numbers any more.
    """
    probes = BatchedProbes(cells, channels, classes, rates=plan.rates, preset=plan.preset, seed=plan.seed)
    per_epoch, epochs = source.steps_per_epoch, plan.of_epochs()
    name = _fingerprint(plan, identity, cells, channels, classes, batch)
    step = _resumed(probes, state, name)
    probes.to(torch.device(device))
    saved = time.monotonic()
    with tqdm(total=per_epoch * epochs, initial=step, desc="probes", unit="step", disable=not progress) as bar:
        for features, labels in source.batches(step, epochs):
            lr = learning_rate(plan.preset, step, steps_per_epoch=per_epoch, batch=batch, epochs=epochs)
            probes.step(features.to(device), labels.to(device), lr)
            step += 1
            bar.update()
            if state is not None and time.monotonic() - saved > SAVE_EVERY:
                _save(probes, state, name, step)
                saved = time.monotonic()
    _require_numbers(probes, plan)
    if state is not None:
        state.unlink(missing_ok=True)
    return probes


def chosen_probes(
    probes: BatchedProbes,
    rows: Rows,
    labels: Tensor,
    held: Tensor,
    *,
    plan: Plan,
    batch: int,
    images: int,
    progress: bool = False,
) -> list[Probe]:
    """Of each cell the classifier whose rate is right for most of the held-out images; the first among equals.

    Args:
        probes: trained.
        rows: as in `train`.
        labels: class of each image.
        held: numbers of the images held out; empty where there is one rate.
        plan: of the training.
        batch: images of a step, for the recipe.
        images: that were trained on, for the recipe.
        progress: show a bar.
    """
    best = [0] * len(probes.state["weight"])
    if len(held):
        right = sum(
            (_predicted(probes, rows(part)) == labels[part].to(probes.state["weight"].device)).sum(-1)
            for part in tqdm(held.split(CHUNK), desc="held out", disable=not progress)
        )
        best = right.masked_fill(~_finite(probes), -1).argmax(1).tolist()  # pyright: ignore[reportAttributeAccessIssue]
    return [_probe(probes, cell, rate, plan, batch, len(held), images) for cell, rate in enumerate(best)]


def recipe_text(plan: Plan, rate: float, batch: int, held: int, images: int) -> str:
    """What is printed beside a number: preset, what was changed or chosen, and on how many images.

    A rate at the end of those that were tried is marked: a better one may lie beyond.
    """
    preset = plan.preset
    what = "weight decay" if preset.optimiser == "lbfgs" else "lr"
    value = preset.weight_decay * rate if preset.optimiser == "lbfgs" else preset.lr * rate
    ends = {min(plan.rates): "the smallest tried", max(plan.rates): "the largest tried"}
    edge = f" ({ends[rate]})" if len(plan.rates) > 1 and rate in ends else ""
    chosen = f"{edge} chosen on {held} held-out images" if held else ""
    trained = f"{images} training images"
    if preset.optimiser == "lbfgs":
        return f"{preset.title}: {what} {value:.3g}{chosen}, {trained}"
    return (
        f"{preset.title}: {preset.optimiser}, {what} {value:.3g} x batch/{preset.reference_batch}{chosen}, "
        f"batch {batch}, {plan.of_epochs()} epochs, {trained}, seed {plan.seed}"
    )


def _predicted(probes: BatchedProbes, features: Tensor) -> Int[Tensor, "cell rate batch"]:
    return probes.logits(features.to(probes.state["weight"].device)).argmax(2)


def _probe(probes: BatchedProbes, cell: int, rate: int, plan: Plan, batch: int, held: int, images: int) -> Probe:
    parts = {name: value.cpu() for name, value in probes.classifier(cell, rate).items()}
    return Probe(
        weight=parts["weight"],
        bias=parts["bias"],
        mean=parts.get("mean"),
        variance=parts.get("variance"),
        recipe=recipe_text(plan, plan.rates[rate], batch, held, images),
    )


def _fingerprint(plan: Plan, *known: object) -> str:
    words = json.dumps([dataclasses.asdict(plan), *known], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()


def _save(probes: BatchedProbes, state: Path, fingerprint: str, step: int) -> None:
    values = {name: value.cpu() for name, value in probes.state.items()}
    write_state(state, {FINGERPRINT: fingerprint, "step": step, "state": values}, after=f"step {step}")


def _resumed(probes: BatchedProbes, state: Path | None, fingerprint: str) -> int:
    """Steps that are done; the probes are put where an earlier run of the same training left them."""
    content = same_state(state, fingerprint)
    if content is None:
        return 0
    probes.state = content["state"]
    return content["step"]


def _require_numbers(probes: BatchedProbes, plan: Plan) -> None:
    """One rate may run away, and then is not chosen; all of a cell may not."""
    finite = _finite(probes)
    if not finite.any(1).all():
        raise ValueError(
            f"the probes of {int((~finite.any(1)).sum())} of {len(finite)} layers and poolings have weights that are "
            f"no numbers at every rate of {', '.join(map(str, plan.rates))}: choose smaller ones with --rates"
        )


def _finite(probes: BatchedProbes) -> Bool[Tensor, "cell rate"]:
    """Whether weights are still numbers."""
    return probes.state["weight"].flatten(2).isfinite().all(-1)
