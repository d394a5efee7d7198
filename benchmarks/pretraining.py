"""What an objective costs above the forward and backward passes that its method needs.

    python -m benchmarks.pretraining [--images 128] [--rounds 5] [--recipe-opts KEY VALUE ...]

For each method, on the same batch and with the same ViT, in turns: one whole training step of the objective (losses,
heads, momentum encoder, gradients, clipping, AdamW), and the bare passes alone with AdamW on the ViT. `overhead` is the
first over the second, minus one. Beside it, in images per second, the data loader of the same recipe alone.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from yacs.config import CfgNode

from benchmarks._timing import fastest, report
from pretraining.data import Collection, batches_from, open_collection
from pretraining.objectives import Objective, build_objective
from pretraining.optimisation import build_optimiser
from pretraining.recipe import load_recipe
from pretraining.training.precision import attention_that_pays, autocast, scaler
from pretraining.training.step import optimiser_step

METHODS = ("mocov3", "simmim", "mae", "hybrid", "supervised")
CPU = torch.device("cpu")
PICTURES = 1000
SIDE = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--recipe-opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows = {method: _row(method, arguments, _collection(Path(folder))) for method in METHODS}
    report(
        f"recipes mini_*, {arguments.images} images a step, {arguments.threads} threads, minimum of {arguments.rounds}",
        rows,
        {"benchmark": "pretraining", **{method: row["overhead"] for method, row in rows.items()}, "rows": rows},
    )


def _row(method: str, arguments: argparse.Namespace, collection: Collection) -> dict[str, float]:
    opts = ["TRAIN.BATCH", str(arguments.images), "SCHEDULE.EPOCHS", "1000", *arguments.recipe_opts]
    recipe = load_recipe(f"mini_{method}", opts)
    torch.manual_seed(0)
    with attention_that_pays(CPU, recipe.TRAIN.PRECISION):
        objective = build_objective(recipe, classes=2)
    loader = batches_from(collection, recipe)
    batch = next(iter(loader))
    variants = {"bare": _bare_step(objective, recipe, batch), "whole": _whole_step(objective, recipe, batch)}
    for run in variants.values():
        run()
    seconds = fastest(variants, arguments.rounds)
    return {
        "step, img/s": arguments.images / seconds["whole"],
        "bare, img/s": arguments.images / seconds["bare"],
        "overhead": seconds["whole"] / seconds["bare"] - 1,
        "loader, img/s": _loader_rate(loader, arguments.images),
    }


def _whole_step(objective: Objective, recipe: CfgNode, batch: dict[str, Tensor]) -> Callable[[], object]:
    optimiser, scale = build_optimiser(objective, recipe), scaler(CPU, recipe.TRAIN.PRECISION)
    clip, precision = recipe.OPTIM.CLIP_GRAD, recipe.TRAIN.PRECISION

    def step() -> object:
        objective.train()
        return optimiser_step(objective, optimiser, scale, [batch], precision=precision, clip=clip, seeds=[0])

    return step


def _bare_step(objective: Objective, recipe: CfgNode, batch: dict[str, Tensor]) -> Callable[[], object]:
    """The passes that the method cannot do without, on plain copies of its networks."""
    encoder = copy.deepcopy(objective.encoder)
    encoder.head = nn.Identity()
    networks = nn.ModuleList([encoder])
    if recipe.METHOD == "mae":
        networks.append(copy.deepcopy(objective.decoder.blocks))
    optimiser = torch.optim.AdamW([p for p in networks.parameters() if p.requires_grad])

    def step() -> None:
        optimiser.zero_grad()
        with autocast(CPU, recipe.TRAIN.PRECISION):
            loss = _bare_loss(recipe, networks, batch)
        loss.backward()
        optimiser.step()

    return step


def _bare_loss(recipe: CfgNode, networks: nn.ModuleList, batch: dict[str, Tensor]) -> Tensor:
    encoder = networks[0]
    if recipe.METHOD == "mae":
        return _bare_mae_loss(recipe, networks, batch["image"])
    views = [batch[name] for name in ("view1", "view2") if name in batch]
    passes = views + [batch[name] for name in ("image",) if name in batch]
    loss = torch.stack([encoder.forward_features(images).float().mean() for images in passes]).sum()
    with torch.no_grad():
        for images in views:
            encoder.forward_features(images)
    return loss


def _bare_mae_loss(recipe: CfgNode, networks: nn.ModuleList, images: Tensor) -> Tensor:
    """Encoder blocks on the tokens that are kept, decoder blocks on all."""
    encoder, decoder = networks
    tokens = encoder._pos_embed(encoder.patch_embed(images))
    kept = int((tokens.shape[1] - 1) * (1 - recipe.MAE.RATIO))
    latent = encoder.norm(encoder.blocks(tokens[:, : kept + 1]))
    everything = tokens.new_zeros(*tokens.shape[:2], recipe.MAE.DECODER_DIM)
    return latent.float().mean() + decoder(everything).float().mean()


def _loader_rate(loader: object, images: int, batches: int = 40) -> float:
    """Images a second, without the start of the workers."""
    source = iter(loader)  # type: ignore[call-overload]
    next(source)
    start = time.perf_counter()
    for _ in range(batches):
        next(source)
    return batches * images / (time.perf_counter() - start)


def _collection(folder: Path) -> Collection:
    """Photograph-like noise in two classes, as JPEG files of the miniatures' size."""
    random = np.random.default_rng(0)
    for number in range(PICTURES):
        path = folder / str(number % 2) / f"{number:04}.jpg"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((SIDE, SIDE)).save(path)
    return open_collection(folder)


if __name__ == "__main__":
    main()
