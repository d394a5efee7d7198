"""AbMILP trained with its classifier on the tokens of one layer, several learning rates at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from models import TokenLayout

from ..linear.training import Plan, recipe_text, split
from .abmilp import AbMILPOptions
from .heads import AbMILPHeads
from .steps import Reader, Training

CHUNK = 512  # images whose tokens are tested at once


@dataclasses.dataclass(frozen=True)
class TrainedAbMILP:
    """What came out of a training.

    Attributes:
        heads: one for each learning rate, in eval mode.
        chosen: number of the rate that is right for most of the held-out training images; 0 where there is one.
        held_out: share of those for which each rate is right; empty where there is one rate.
        test_logits: of each rate.
        layout: of the tokens.
        recipe: what is printed beside the number, with the chosen rate.
    """

    heads: AbMILPHeads = dataclasses.field(repr=False)
    chosen: int
    held_out: tuple[float, ...]
    test_logits: Float[Tensor, "rate image label"] = dataclasses.field(repr=False)
    layout: TokenLayout
    recipe: str

    @property
    def logits(self) -> Float[Tensor, "image label"]:
        """Of the test images, with the chosen learning rate."""
        return self.test_logits[self.chosen]

    @torch.no_grad()
    def weights(self, tokens: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch weighed"]:
        """Weights that the chosen head gives to the patches, or to all tokens where the options say so.

        Args:
            tokens: all of the layer, prefix tokens first, as the model gives them.
        """
        tokens = tokens.to(self.heads.mean.device, torch.float32)
        return self.heads.pooled(tokens, prefix=self.layout.prefix)[1][:, self.chosen]


def train_abmilp(
    tokens: np.ndarray,
    labels: Int[Tensor, " image"],
    test_tokens: np.ndarray,
    *,
    plan: Plan,
    classes: int,
    layout: TokenLayout,
    options: AbMILPOptions | None = None,
    images: Int[Tensor, " fit"] | None = None,
    device: torch.device | str = "cpu",
    state: Path | None = None,
    identity: str = "",
    progress: bool = True,
) -> TrainedAbMILP:
    """Train one head for each learning rate, as each would be trained alone, and test all of them.

    Where there are several rates, every tenth training image is held out and chooses among them; test images never do.

    Args:
        tokens: (image token channel) of the training images, prefix tokens first; memory-mapped or in memory.
        labels: class of each, from 0.
        test_tokens: the same of the test images.
        plan: preset with learning rates, epochs, batch and seed; the preset must work in steps.
        classes: number of classes.
        layout: of the tokens.
        options: of AbMILP; by default the headline setting.
        images: numbers of the training images that may be learned from; all by default.
        device: to compute on.
        state: file from which a training that was killed goes on, to the same result; removed at the end.
        identity: of the tokens; a state of others, or of another plan, is not gone on with.
        progress: show a bar.
    Raises:
        ValueError: a preset that needs all images at once; labels or layout that do not fit the tokens; weights that
            are no numbers at any rate.
        OSError: the state cannot be written.
    """
    _check(tokens, labels, test_tokens, plan, layout, classes)
    options = options or AbMILPOptions()
    images = torch.arange(len(tokens)) if images is None else images
    fit, held = (images[part] for part in split(labels[images], plan.rates))
    heads = AbMILPHeads(
        tokens.shape[2],
        classes,
        count=len(plan.rates),
        options=options,
        grid=layout.grid,
        batch_norm=plan.preset.batch_norm,
        init_std=plan.preset.init_std,
        seed=plan.seed,
    ).to(device)
    seen, tested = (Reader(array, layout, options, device) for array in (tokens, test_tokens))
    training = Training(heads, seen, labels, fit, plan)
    training.run(state, identity=f"{identity}; {options}", progress=progress)
    heads.eval()
    right = _right(heads, seen, labels, held, progress) if len(held) else torch.zeros(len(plan.rates))
    chosen = _best(heads, right, plan)
    test = torch.cat([*_logits(heads, tested, torch.arange(len(test_tokens)), progress)], dim=1)
    recipe = f"{recipe_text(plan, plan.rates[chosen], training.batch, len(held), len(fit))}; AbMILP {options}"
    return TrainedAbMILP(heads, chosen, tuple(right.tolist()) if len(held) else (), test, layout, recipe)


@torch.no_grad()
def _logits(heads: AbMILPHeads, reader: Reader, images: Tensor, progress: bool) -> Iterator[Tensor]:
    """(rate image label) of some images after the other."""
    for part in tqdm(images.split(CHUNK), desc="AbMILP, tested", disable=not progress):
        yield heads(reader(part), prefix=reader.prefix).cpu()


def _right(
    heads: AbMILPHeads, reader: Reader, labels: Tensor, images: Tensor, progress: bool
) -> Float[Tensor, " rate"]:
    """Share of the images for which each head is right."""
    found = torch.cat([logits.argmax(-1) for logits in _logits(heads, reader, images, progress)], dim=1)
    return (found == labels[images]).double().mean(-1)


def _best(heads: AbMILPHeads, right: Float[Tensor, " rate"], plan: Plan) -> int:
    """Number of the rate that is right most often, the first among equals; one that ran away is out."""
    finite = torch.tensor([heads.finite(head) for head in range(len(right))])
    if not finite.any():
        raise ValueError(
            f"AbMILP has weights that are no numbers at every rate of {', '.join(map(str, plan.rates))}: choose "
            "smaller ones with --rates"
        )
    return int(right.masked_fill(~finite, -1).argmax())


def _check(
    tokens: np.ndarray, labels: Tensor, test_tokens: np.ndarray, plan: Plan, layout: TokenLayout, classes: int
) -> None:
    if plan.preset.optimiser == "lbfgs":
        raise ValueError(
            f"preset {plan.preset.name} takes all images at once, which AbMILP does not: its loss is not convex; "
            "choose beyond-cls, mae or mocov3"
        )
    count = layout.prefix + layout.patches
    for name, array in (("tokens", tokens), ("test_tokens", test_tokens)):
        if array.ndim != 3 or array.shape[1] != count or array.shape[2] != tokens.shape[-1]:
            raise ValueError(
                f"{name} has shape {array.shape}; expected (image token channel) with {count} tokens, of {layout}, and "
                f"{tokens.shape[-1]} channels"
            )
    if len(labels) != len(tokens):
        raise ValueError(f"labels has {len(labels)} entries for {len(tokens)} images in tokens; expected one for each")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"labels run from {int(labels.min())} to {int(labels.max())} with classes={classes}; expected 0 to "
            "classes - 1"
        )
