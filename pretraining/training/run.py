"""The loop: from a recipe and images to a checkpoint, going on where an earlier run of the same command stopped."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm.auto import tqdm
from yacs.config import CfgNode

from study.alone import alone_in
from study.atomic import remove_leftovers
from study.processes import Process, agreed, everybody_waits, process

from .._recipe_checks import require_start
from ..data import Collection, batches_from, open_collection, steps_per_epoch
from ..objectives import Objective, build_objective
from ..optimisation import build_optimiser, learning_rate, set_learning_rate
from ..recipe import RECIPE, recipe_text
from ..watching.watch import Watch
from .checkpoint import CHECKPOINT, OURS, Standing, begun_by, require_changeable, resumed, same_everywhere, save, stored
from .losses import CURE, DivergedError, Losses
from .precision import attention_that_pays, checkpoint_activations, scaler
from .step import forward_seed, optimiser_step
from .stopping import Listening, Wish, stop_wish

READ_EVERY = 10  # steps between two rows of the log


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
        checkpoint: path of the last one.
        images_seen: position that it holds.
        finished: False where somebody asked it to stop early.
    """

    checkpoint: Path
    images_seen: int
    finished: bool


def train(
    recipe: CfgNode,
    data: str,
    out: Path,
    *,
    device: str = "auto",
    command: str = "",
    progress: bool = True,
    allow_change: Sequence[str] = (),
) -> Outcome:
    """Train in a folder, or go on with what was begun there by the same recipe on the same images.

    Args:
        recipe: as `pretraining.recipe.load_recipe` gives it.
        data: what `pretraining.data.open_collection` takes.
        out: folder of checkpoint, log and pictures; made where it is not there.
        device: auto, cpu, cuda or cuda:N; torchrun's processes take a GPU each.
        command: what the user typed, for the record.
        progress: show a bar.
        allow_change: keys of OPTIM, SCHEDULE or TRAIN.PRECISION of which the recipe may differ from the one that the
            training was begun with; the checkpoint lists such changes.
    Raises:
        OSError: images or folder cannot be read or written, or another process trains in the folder.
        ValueError: recipe, images and checkpoint do not fit together, or the loss is no number any more.
    """
    require_start(recipe)
    with process(device) as here:
        collection = open_collection(data, limit=recipe.DATA.LIMIT or None, cache=recipe.DATA.CACHE)
        options: Any = {"command": command, "progress": progress, "allow_change": allow_change}
        return train_on(collection, recipe, out, here, **options)


def train_on(
    collection: Collection,
    recipe: CfgNode,
    out: Path,
    here: Process,
    *,
    command: str = "",
    progress: bool = True,
    allow_change: Sequence[str] = (),
) -> Outcome:
    """`train` on images that are open already, in a process that the caller has joined to the others.

    Args:
        collection: of `pretraining.data`, or whatever has its names, labels, classes and digest.
        here: this process.
        recipe, out, command, progress, allow_change: as in `train`.
    """
    require_start(recipe)
    require_changeable(allow_change)
    with stop_wish() as wish, alone_in(out, here, "--out"):
        checkpoint = out / CHECKPOINT
        if here.first:
            remove_leftovers(checkpoint)
            _warn_of_parts(recipe)
        training = Training(
            recipe,
            collection,
            checkpoint,
            begun_by(checkpoint, recipe, collection.digest, allow_change) if checkpoint.exists() else None,
            here,
            command,
        )  # which takes what it needs of the earlier run: the rest is free memory while it trains
        return training.run(wish, progress=progress and here.first)


class Training:
    """A training between two steps.

    Args:
        recipe: of the training.
        collection: images to learn from.
        checkpoint: where it is saved, in the folder of all that the training writes.
        begun: what that file holds of an earlier run, None where it is not there.
        here: this process.
        command: for the record.
    """

    def __init__(
        self,
        recipe: CfgNode,
        collection: Collection,
        checkpoint: Path,
        begun: dict[str, Any] | None,
        here: Process,
        command: str,
    ) -> None:
        self.recipe, self.collection, self.checkpoint, self.here = recipe, collection, checkpoint, here
        out = checkpoint.parent
        self.steps_per_epoch = steps_per_epoch(len(collection), recipe.TRAIN.BATCH)
        torch.manual_seed(recipe.SEED)
        with attention_that_pays(here.device, recipe.TRAIN.PRECISION):
            self.objective: Objective = build_objective(recipe, classes=len(collection.classes)).to(here.device)
        self.optimiser = build_optimiser(self.objective, recipe)
        self.scaler = scaler(here.device, recipe.TRAIN.PRECISION)
        self.standing = Standing(0, collection.digest, {}, command)
        if begun is not None:
            old = resumed(begun, self.objective, self.optimiser, self.scaler)
            self.standing = dataclasses.replace(old, command=command)
            self._end_is_ahead()
        same_everywhere(self.standing, recipe, here)
        if here.first and (begun is None or self.standing.changes):
            (out / RECIPE).write_text(recipe_text(recipe), encoding="utf-8")
        self.trained = _ready(self.objective, recipe, here)
        self.watch = Watch(recipe, collection, out, position=self.standing.images_seen) if here.first else None

    @property
    def step(self) -> int:
        """Number of optimiser steps done."""
        return self.standing.images_seen // self.recipe.TRAIN.BATCH

    @property
    def epoch(self) -> int:
        """Number of whole epochs done."""
        return self.step // self.steps_per_epoch

    @property
    def steps(self) -> int:
        """Number of steps of the whole training."""
        return self.steps_per_epoch * self.recipe.SCHEDULE.EPOCHS

    def _end_is_ahead(self) -> None:
        if self.step > self.steps:
            raise ValueError(
                f"SCHEDULE.EPOCHS is {self.recipe.SCHEDULE.EPOCHS}, but {self.checkpoint} has seen "
                f"{self.standing.images_seen} images, more than these; expected at least "
                f"{-(-self.step // self.steps_per_epoch)}"
            )

    def run(self, wish: Wish, *, progress: bool) -> Outcome:
        """Train until the end or until somebody wishes to stop."""
        losses = Losses(READ_EVERY)
        with _bar(self.recipe.METHOD, self.steps, self.step, progress) as bar:
            self._look(first=True)
            batches = self._batches()
            clock, listening = _Clock(), Listening(wish, self.here)
            while self.step < self.steps:
                losses.add(self._one_step(batches))
                stopping = listening.stop(losses.due)
                saving = stopping or self._save_is_due()
                if losses.due or saving:
                    listening.timed(self._read(losses, clock, bar))
                if saving:
                    self._finite()
                looked = not stopping and self._look()  # before the save: what is cut off on resume is seen again
                if saving:
                    self._save()
                if stopping:
                    break
                if looked:
                    clock.lap()
            return Outcome(self.checkpoint, self.standing.images_seen, self.step == self.steps)

    def _one_step(self, batches: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
        recipe, seen = self.recipe, self.standing.images_seen
        set_learning_rate(self.optimiser, self._learning_rate())
        self.objective.advance(self.step / self.steps)
        micro_batches = [next(batches) for _ in range(recipe.TRAIN.ACCUMULATE)]
        self.objective.train()
        parts = optimiser_step(
            self.trained,
            self.optimiser,
            self.scaler,
            micro_batches,
            precision=recipe.TRAIN.PRECISION,
            clip=recipe.OPTIM.CLIP_GRAD,
            seeds=[forward_seed(recipe.SEED, seen, self.here.rank, part) for part in range(len(micro_batches))],
        )
        self.standing = dataclasses.replace(self.standing, images_seen=seen + recipe.TRAIN.BATCH)
        return parts

    def _learning_rate(self) -> float:
        return learning_rate(self.recipe, step=self.step, steps_per_epoch=self.steps_per_epoch)

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        here = self.here
        loader = batches_from(
            self.collection, self.recipe, position=self.standing.images_seen, rank=here.rank, world=here.world
        )
        for batch in loader:
            yield {name: value.to(here.device, non_blocking=True) for name, value in batch.items()}

    def _read(self, losses: Losses, clock: _Clock, bar: tqdm) -> float:
        """Losses to the log, mean seconds of a step back; no checkpoint is written where a loss is no number."""
        seen = self.standing.images_seen
        try:
            means = losses.read(seen)
        except DivergedError as error:
            raise DivergedError(f"{error}. {self._last_good()}") from None
        steps = self.step - bar.n
        bar.update(steps)
        bar.set_postfix(loss=f"{means['loss']:.4f}", refresh=False)
        loss_values = {name: value for name, value in means.items() if name != "grad_norm"}
        self.standing = dataclasses.replace(self.standing, losses=loss_values)
        seconds = clock.lap() / steps
        if self.watch is not None:
            rate = self.recipe.TRAIN.BATCH / seconds
            place = {"images": seen, "epoch": self.step / self.steps_per_epoch, "step": self.step}
            self.watch.log({**place, **means, "lr": self._learning_rate(), "images_per_second": rate})
        return seconds

    def _finite(self) -> None:
        """No checkpoint is written of weights that are no numbers: a gradient can be NaN where the loss is not."""
        trained = [(name, p) for name, p in self.objective.named_parameters() if p.requires_grad]
        whole = torch.stack([p.detach().isfinite().all() for _, p in trained])
        if not agreed(not whole.all().item(), self.here.device):
            return
        broken = [name for (name, _), good in zip(trained, whole.tolist(), strict=True) if not good]
        raise DivergedError(
            f"weights are NaN or infinite after {self.standing.images_seen} images, though the loss is "
            f"{self.standing.losses.get('loss')}: {', '.join(broken[:3])} ({len(broken)} of {len(trained)}). "
            f"{CURE}. {self._last_good()}"
        )

    def _last_good(self) -> str:
        if not self.checkpoint.exists():
            return "No checkpoint had been written yet"
        return f"{self.checkpoint} holds the weights of {stored(self.checkpoint)[0][OURS]['images_seen']} images"

    def _save_is_due(self) -> bool:
        every = max(1, round(self.recipe.TRAIN.SAVE_EVERY * self.steps_per_epoch))
        return self.step % every == 0 or self.step == self.steps

    def _save(self) -> None:
        if self.here.first:
            parts = self.objective, self.optimiser, self.scaler
            save(self.checkpoint, self.standing, self.recipe, *parts, epoch=self.epoch)
        everybody_waits()

    def _look(self, *, first: bool = False) -> bool:
        """Measure the encoder every few epochs, at the start and at the end; whether it was due."""
        every = self.recipe.WATCH.EVERY * self.steps_per_epoch
        due = self.step == 0 if first else self.step == self.steps or (every > 0 and self.step % every == 0)
        if due and self.watch is not None:
            self.watch.look(self.objective, self.standing.images_seen)
        if due:
            everybody_waits()
        return due


class _Clock:
    """Seconds since the last lap."""

    def __init__(self) -> None:
        self.started = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        self.started, seconds = now, now - self.started
        return seconds


def _ready(objective: Objective, recipe: CfgNode, here: Process) -> nn.Module:
    """The objective as the loop calls it: checkpointed, compiled, and averaging gradients over processes."""
    if recipe.TRAIN.CHECKPOINTING:
        checkpoint_activations(objective)
    if recipe.TRAIN.COMPILE:
        objective.compile()
    if here.world == 1:
        return objective
    devices = [here.device.index] if here.device.type == "cuda" else None
    return DistributedDataParallel(objective, device_ids=devices, broadcast_buffers=False)


def _warn_of_parts(recipe: CfgNode) -> None:
    """Two methods compare the images of a part of the batch with each other: fewer of them are another objective."""
    parts, images = recipe.TRAIN.ACCUMULATE, recipe.TRAIN.BATCH // recipe.TRAIN.ACCUMULATE
    if parts > 1 and recipe.METHOD in ("mocov3", "hybrid"):
        warnings.warn(
            f"TRAIN.ACCUMULATE is {parts}: {recipe.METHOD} takes its negatives and the statistics of its batch norms "
            f"from the {images} images of a part and not from all {recipe.TRAIN.BATCH}, which changes what it learns",
            stacklevel=3,
        )


def _bar(method: str, steps: int, done: int, shown: bool) -> tqdm:
    return tqdm(total=steps, initial=done, unit="step", disable=not shown, desc=method)
