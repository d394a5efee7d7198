"""Steps of an optimiser on AbMILP heads, which go on where they were killed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer
from tqdm.auto import tqdm

from models import TokenLayout
from pretraining.data.order import steps_per_epoch
from pretraining.optimisation import set_learning_rate
from pretraining.optimisation.lars import LARS
from pretraining.optimisation.parameter_groups import parameter_groups

from ..linear.batched import learning_rate
from ..linear.sources import chosen_images
from ..linear.training import SAVE_EVERY, Plan
from ..state import FINGERPRINT, same_state, write_state
from .abmilp import AbMILPOptions
from .heads import AbMILPHeads


class Reader:
    """Tokens of some images, on the device; without those in front of the patches where nobody looks at them.

    Args:
        tokens: (image token channel), all of a layer.
        layout: of them.
        options: of AbMILP, which say what is looked at.
        device: to put them on.
    """

    def __init__(
        self, tokens: np.ndarray, layout: TokenLayout, options: AbMILPOptions, device: torch.device | str
    ) -> None:
        self.tokens, self.device = tokens, torch.device(device)
        self.skipped = layout.prefix if options.content == "patches" else 0
        self.prefix = layout.prefix - self.skipped

    def __call__(self, images: Int[Tensor, " batch"]) -> Float[Tensor, "batch token channel"]:
        rows = np.asarray(self.tokens[images.numpy(), self.skipped :], dtype=np.float32)
        return torch.from_numpy(rows).to(self.device)


class Training:
    """The heads, their optimiser, and one step after another.

    Args:
        heads: on their device; changed in place.
        reader: of the tokens.
        labels: class of each image.
        images: numbers of those to train on.
        plan: preset with learning rates, one for each head.
    """

    def __init__(
        self,
        heads: AbMILPHeads,
        reader: Reader,
        labels: Int[Tensor, " image"],
        images: Int[Tensor, " fit"],
        plan: Plan,
    ) -> None:
        self.heads, self.reader, self.labels, self.images, self.plan = heads, reader, labels, images, plan
        self.batch, self.epochs = plan.of_batch(len(images)), plan.of_epochs()
        self.optimiser = _optimiser(heads, plan)

    def run(self, state: Path | None, *, identity: str, progress: bool) -> None:
        """All steps that are not done yet."""
        fingerprint = self._fingerprint(identity)
        done = self._resumed(state, fingerprint)
        per_epoch = steps_per_epoch(len(self.images), self.batch)
        saved = time.monotonic()
        with tqdm(total=per_epoch * self.epochs, initial=done, desc="AbMILP", unit="step", disable=not progress) as bar:
            for step, images in self._batches(done):
                self._step(images, step, per_epoch)
                bar.update()
                if state is not None and time.monotonic() - saved > SAVE_EVERY:
                    self._save(state, fingerprint, step + 1)
                    saved = time.monotonic()
        if state is not None:
            state.unlink(missing_ok=True)

    def _step(self, images: Tensor, step: int, per_epoch: int) -> None:
        lr = learning_rate(self.plan.preset, step, steps_per_epoch=per_epoch, batch=self.batch, epochs=self.epochs)
        set_learning_rate(self.optimiser, lr)
        logits = self.heads.train()(self.reader(images), prefix=self.reader.prefix)
        targets = self.labels[images].to(logits.device).expand(len(logits), -1)
        loss = cross_entropy(logits.flatten(0, 1), targets.flatten()) * len(logits)  # each head's mean, added up
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def _batches(self, done: int) -> Iterator[tuple[int, Int[Tensor, " batch"]]]:
        """(step, numbers of its images, ascending, as disks like them), from a step on."""
        rest = chosen_images(self.images, self.batch, self.plan.seed, start=done, epochs=self.epochs)
        for step, images in enumerate(rest, start=done):
            yield step, images.sort().values

    def _fingerprint(self, identity: str) -> str:
        sizes = [len(self.labels), len(self.images), self.heads.mean.numel(), self.labels.tolist()]
        return hashlib.sha256(json.dumps([dataclasses.asdict(self.plan), identity, sizes]).encode()).hexdigest()

    def _save(self, state: Path, fingerprint: str, step: int) -> None:
        trained = {"heads": self.heads.state_dict(), "optimiser": self.optimiser.state_dict()}
        write_state(state, {FINGERPRINT: fingerprint, "step": step, **trained}, after=f"step {step}")

    def _resumed(self, state: Path | None, fingerprint: str) -> int:
        """Steps that are done; all is put where an earlier run of the same training left it."""
        content = same_state(state, fingerprint)
        if content is None:
            return 0
        self.heads.load_state_dict(content["heads"])
        self.optimiser.load_state_dict(content["optimiser"])
        return content["step"]


def _optimiser(heads: AbMILPHeads, plan: Plan) -> Optimizer:
    """LARS or SGD over all heads; each parameter's `lr_scale` is the rate of its head."""
    preset = plan.preset
    scales = {id(parameter): rate for head, rate in enumerate(plan.rates) for parameter in heads.of_head(head)}
    groups = parameter_groups(
        heads.named_parameters(), weight_decay=preset.weight_decay, rule="matrices", scales=scales
    )
    if preset.optimiser == "lars":
        return LARS(groups, lr=preset.lr, momentum=preset.momentum)
    return SGD(groups, lr=preset.lr, momentum=preset.momentum)
