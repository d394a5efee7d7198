"""What probes of a whole grid cost against a loop for each of them, and what a pass that keeps features costs.

    python -m benchmarks.probing [--images 5000] [--batch 256] [--rounds 2] [--preset mae] [--threads N]

The grid: all layers (9) x 2 poolings x 5 learning rates on the same cached features of 96 channels, 10 classes, the
same batches in the same order, on both sides from memory. A loop for each is what users have today: nn.BatchNorm1d,
nn.Linear, cross_entropy, backward, and an optimiser of its own. `ratio` is the second over the first, the largest
difference that of the accuracies on rows that were not trained on, in points. Extraction: every layer, class token and
mean of patches, to memory-mapped arrays, against the plain forward pass of the same model on the same batches; reading
and preparing pictures is in neither.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from torch import Tensor, nn

from benchmarks._timing import fastest, report
from pretraining.optimisation.lars import LARS
from probing.features.frozen import Cell, Frozen
from probing.linear.batched import BatchedProbes, first_weights, learning_rate
from probing.linear.grid import Grid
from probing.linear.sources import Cached, chosen_images
from probing.linear.training import Plan, train
from probing.presets import Preset, preset

LAYERS, POOLINGS, CHANNELS, CLASSES = 9, ("class_token", "patches"), 96, 10
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
TESTED = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--preset", default="mae", choices=("mae", "mocov3", "beyond-cls"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    training, found = _training(arguments)
    passing = _passing(arguments.rounds + 1)
    report(
        f"{LAYERS} layers x {len(POOLINGS)} poolings x {len(RATES)} rates, {arguments.images} images, batch "
        f"{arguments.batch}, {arguments.epochs} epochs of {arguments.preset}; {arguments.threads} threads, minimum of "
        f"{arguments.rounds}",
        {
            "grid, one batched problem": {"seconds": training["batched"], "ratio": found["ratio"]},
            "grid, one loop for each probe": {"seconds": training["alone"]},
            "ViT-Ti/16, 2 x 16 images, features kept": {"seconds": passing["kept"], "ratio": passing["ratio"]},
            "ViT-Ti/16, 2 x 16 images, plain forward": {"seconds": passing["plain"]},
        },
        {
            "benchmark": "probing",
            "training_ratio": round(found["ratio"], 2),
            "largest_difference_points": found["difference"],
            "extraction_ratio": round(passing["ratio"], 3),
            "threads": arguments.threads,
        },
    )


def _training(arguments: argparse.Namespace) -> tuple[dict[str, float], dict[str, float]]:
    grid, labels = _features(arguments.images + TESTED)
    plan = Plan(_gentle(preset(arguments.preset)), RATES, arguments.epochs, arguments.batch)
    fit, tested = torch.arange(arguments.images), torch.arange(arguments.images, arguments.images + TESTED)
    together: list[BatchedProbes] = []
    alone: list[Tensor] = []

    def batched() -> None:
        source = Cached(grid, labels, fit, batch=arguments.batch, seed=0)
        together[:] = [
            train(
                source,
                cells=len(grid),
                channels=CHANNELS,
                classes=CLASSES,
                plan=plan,
                batch=arguments.batch,
                progress=False,
            )
        ]

    def one_by_one() -> None:
        alone[:] = [
            _right(_trained_alone(grid, labels, fit, cell, rate, plan, arguments.batch), grid, cell, tested, labels)
            for cell in range(len(grid))
            for rate in RATES
        ]

    seconds = fastest({"batched": batched, "alone": one_by_one}, arguments.rounds)
    logits = together[0].logits(grid.rows(tested))
    ours = (logits.argmax(2) == labels[tested]).double().mean(-1).flatten()
    difference = 100 * (ours - torch.stack(alone)).abs().max().item()
    return seconds, {"ratio": seconds["alone"] / seconds["batched"], "difference": round(difference, 3)}


def _trained_alone(
    grid: Grid, labels: Tensor, fit: Tensor, cell: int, rate: float, plan: Plan, batch: int
) -> Callable[[Tensor], Tensor]:
    """One probe as users train it, on features that lie in memory."""
    recipe, features = plan.preset, torch.from_numpy(grid.arrays[cell])
    layer = nn.Linear(CHANNELS, CLASSES)
    with torch.no_grad():
        for own, drawn in zip((layer.weight, layer.bias), first_weights(CHANNELS, CLASSES, recipe.init_std, 0)):
            own.copy_(drawn)
    norm = nn.BatchNorm1d(CHANNELS, affine=False, eps=1e-6)
    net = nn.Sequential(norm, layer) if recipe.batch_norm else layer
    kind = LARS if recipe.optimiser == "lars" else torch.optim.SGD
    optimiser = kind(layer.parameters(), lr=1.0, momentum=recipe.momentum)
    for step, chosen in enumerate(chosen_images(fit, batch, plan.seed, start=0, epochs=plan.of_epochs())):
        lr = rate * learning_rate(recipe, step, steps_per_epoch=len(fit) // batch, batch=batch, epochs=plan.of_epochs())
        for group in optimiser.param_groups:
            group["lr"] = lr
        loss = nn.functional.cross_entropy(net(features[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


@torch.no_grad()
def _right(net: Callable[[Tensor], Tensor], grid: Grid, cell: int, tested: Tensor, labels: Tensor) -> Tensor:
    vectors = torch.from_numpy(grid.arrays[cell])[tested]
    return (net(vectors).argmax(1) == labels[tested]).double().mean()


def _features(images: int) -> tuple[Grid, Tensor]:
    """Vectors of classes that overlap, in as many cells as there are layers and poolings."""
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, images)
    arrays = []
    for _ in range(LAYERS * len(POOLINGS)):
        centres = random.normal(size=(CLASSES, CHANNELS))
        arrays.append((centres[labels] + 4 * random.normal(size=(images, CHANNELS)) + 1).astype(np.float32))
    return Grid(arrays), torch.from_numpy(labels)


def _gentle(recipe: Preset) -> Preset:
    """At a learning rate at which no probe of this small problem runs away: then both sides must agree."""
    return dataclasses.replace(recipe, lr=recipe.lr / 100 if recipe.optimiser == "sgd" else recipe.lr)


def _passing(rounds: int) -> dict[str, float]:
    """Seconds of a pass through ViT-Ti/16 at 224 px, plain and with all cells kept on disk."""
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", num_classes=0).eval()
    images = torch.randn(16, 3, 224, 224)
    cells = [Cell(layer, name) for layer in range(len(model.blocks) + 1) for name in POOLINGS]
    frozen = Frozen(model, cells)
    with tempfile.TemporaryDirectory() as folder:
        arrays = {
            cell: np.lib.format.open_memmap(Path(folder) / f"{number}.npy", "w+", np.float32, (32, model.embed_dim))
            for number, cell in enumerate(cells)
        }

        @torch.no_grad()
        def plain() -> None:
            for _ in range(2):
                model.forward_features(images)

        def kept() -> None:
            for number, found in enumerate(frozen.over([images, images])):
                for cell, values in found.items():
                    arrays[cell][16 * number : 16 * (number + 1)] = values.numpy()
            for array in arrays.values():
                array.flush()

        plain()
        seconds = fastest({"plain": plain, "kept": kept}, rounds)
    return {**seconds, "ratio": seconds["kept"] / seconds["plain"]}


if __name__ == "__main__":
    main()
