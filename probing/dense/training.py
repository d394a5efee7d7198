"""Dense probes of all layers trained at once; a killed training goes on bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from pretraining.data.order import order
from pretraining.optimisation.schedules import cosine_lr

from .probe import DenseProbe, patch_loss
from .recipe import DenseRecipe
from .state import saved, stored
from .tokens import PatchTokens

SGD_MOMENTUM = 0.9


def trained(
    tokens: PatchTokens,
    counts: Float[Tensor, "image patch class"],
    recipe: DenseRecipe,
    *,
    path: Path,
    identity: Mapping[str, Any],
    device: torch.device | str = "cpu",
    progress: bool = True,
) -> DenseProbe:
    """A linear classifier of patch tokens for each layer, as if each had been trained alone.

    After every epoch the state is written to a file, from which the same call goes on; when the file holds a complete
    training, nothing is trained.

    Args:
        tokens: of the training images, all layers.
        counts: pixels of each class in each patch, of `geometry.class_counts`.
        recipe: how.
        path: of the state.
        identity: what else the result depends on (weights, images, layers), by names that a reader understands.
        device: where the probes are trained.
        progress: show a bar.
    Raises:
        ValueError: the file holds a training of something else; or no pixel of the images has a class.
        OSError: it cannot be written.
    """
    if not counts.sum() > 0:
        raise ValueError("no pixel of the training masks has a class: all are void")
    training = _Training(tokens, counts, recipe, device)
    known = {**identity, "recipe": recipe.text, "layers": list(tokens.layers), "images": len(tokens)}
    epoch = training.load(stored(path, known)) if path.exists() else 0
    bar = tqdm(range(epoch, recipe.epochs), desc="dense probe", unit="epoch", disable=not progress)
    for epoch in bar:
        loss = training.epoch(epoch)
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        saved(path, known, {**training.state(), "epoch": epoch + 1})
    return training.probe


class _Training:
    """The probes, their optimiser, and one epoch after another."""

    def __init__(
        self,
        tokens: PatchTokens,
        counts: Float[Tensor, "image patch class"],
        recipe: DenseRecipe,
        device: torch.device | str,
    ) -> None:
        self.tokens, self.counts, self.recipe, self.device = tokens, counts, recipe, torch.device(device)
        layers, _, _, channels = tokens.batch([0]).shape
        classes = counts.shape[-1]
        self.probe = DenseProbe.zeros(layers, classes, channels, standardised=recipe.standardised, device=self.device)
        self.optimiser = _optimiser(self.probe, recipe)

    def epoch(self, epoch: int) -> float:
        """Pass once over the images in the epoch's own order; mean loss of layers and steps, in nats."""
        images = order(len(self.tokens), seed=self.recipe.seed, epoch=epoch).tolist()
        batches = [images[start : start + self.recipe.batch] for start in range(0, len(images), self.recipe.batch)]
        losses = []
        for step, batch in enumerate(batches):
            for group in self.optimiser.param_groups:
                group["lr"] = cosine_lr(epoch + step / len(batches), lr=self.recipe.lr, epochs=self.recipe.epochs)
            losses.append(self._step(batch))
        return torch.stack(losses).mean().item()

    def _step(self, batch: list[int]) -> Float[Tensor, ""]:
        """One step of the optimiser; a layer's gradient comes from its own loss alone."""
        tokens = self.tokens.batch(batch).to(self.device, torch.float32)
        counts = self.counts[batch].to(self.device).flatten(0, 1)
        losses = patch_loss(self.probe.logits(tokens, training=True).flatten(1, 2), counts)
        self.optimiser.zero_grad(set_to_none=True)
        losses.sum().backward()
        self.optimiser.step()
        return losses.detach().mean()

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        tensors = {name: getattr(self.probe, name) for name in ("weight", "bias", "mean", "variance")}
        kept = {name: value.detach().cpu() for name, value in tensors.items() if value is not None}
        return {"probe": kept, "optimiser": self.optimiser.state_dict()}

    def load(self, state: Mapping[str, Any]) -> int:
        """Go back to a state; epochs that were done."""
        with torch.no_grad():
            for name, value in state["probe"].items():
                getattr(self.probe, name).copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        return state["epoch"]


def _optimiser(probe: DenseProbe, recipe: DenseRecipe) -> torch.optim.Optimizer:
    groups = [
        {"params": [probe.weight], "weight_decay": recipe.weight_decay},
        {"params": [probe.bias], "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.lr, momentum=SGD_MOMENTUM)
    return torch.optim.AdamW(groups, lr=recipe.lr)
