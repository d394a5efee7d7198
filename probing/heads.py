"""Rows of the table for one model: what each head says of each layer and pooling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ops import knn_predict
from study.processes import Process, gathered

from .features.frozen import Cell, Frozen
from .features.store import Features
from .inputs import Inputs
from .linear.grid import Grid
from .linear.logistic import logistic_regression, standardisation, standardised
from .linear.probes import Probe, Probes
from .linear.sources import Augmented, Cached
from .linear.training import Plan, chosen_probes, recipe_text, split, train
from .presets import Norm
from .table import row

NEIGHBOURS = 20  # that vote, as in DINO
VOTES = {"knn": "softmax", "knn_plain": "uniform"}
"""Heads that need no training, and how their neighbours vote."""

Rows = list[dict[str, Any]]


def knn_rows(given: Inputs, cells: Sequence[Cell], heads: Sequence[str], here: Process, *, k: int = NEIGHBOURS) -> Rows:
    """Accuracy of the vote of the nearest training images, exact, for each cell; cells are shared out over processes.

    Args:
        given: features and labels.
        cells: layers and poolings.
        heads: of `VOTES`.
        here: this process.
        k: neighbours that vote, at most as many as there are training images.
    """
    k = min(k, len(given.fit))
    rows: Rows = []
    for cell in tqdm(cells[here.rank :: here.world], desc="k-NN", unit="cell", disable=not here.first):
        bank = _vectors(given.train, cell, given.fit).to(here.device)
        asked = _vectors(given.test, cell).to(here.device)
        labels = given.train_labels[given.fit].to(here.device)
        for head in heads:
            found = knn_predict(asked, bank, labels, k=k, weighting=VOTES[head], classes=len(given.classes))  # pyright: ignore[reportArgumentType]
            weighting = "weights exp(cosine / 0.07)" if head == "knn" else "one vote each"
            rows.append(_row(given, cell, head, f"k-NN: k {k}, {weighting}, cosine", found.cpu()))
    return gathered(rows)


def linear_rows(
    given: Inputs,
    cells: Sequence[Cell],
    plan: Plan,
    norm: Norm,
    here: Process,
    *,
    state: Path | None = None,
    augment: bool = False,
    passed_at_once: int = 64,
    workers: int = 0,
) -> tuple[Rows, dict[Cell, Probe]]:
    """Accuracy of linear probes, and the probes; cells are shared out over processes.

    Args:
        given: features and labels.
        cells: layers and poolings.
        plan: preset and what was changed of it.
        norm: that the features were made with.
        here: this process.
        state: folder for the states of trainings that may be killed.
        augment: whether each training image is cropped and flipped anew, and passed through the model every time.
        passed_at_once: images that pass the model at once, with `augment`.
        workers: processes that read images, with `augment`.
    """
    mine = cells[here.rank :: here.world]
    found: dict[Cell, Probe] = {}
    for same_width in _by_width(given.train, mine):
        grid = Grid([given.train.pooled(*cell) for cell in same_width])
        fit, held = split_of(given, plan)
        if plan.preset.optimiser == "lbfgs":
            found |= {
                cell: _logistic(_vectors(given.train, cell), given, plan, fit, held, here)
                for cell in tqdm(same_width, desc="logistic", unit="cell", disable=not here.first)
            }
            continue
        batch = plan.of_batch(len(fit))
        if augment:
            source: Any = Augmented(
                _frozen(given, same_width, norm, here),
                tuple(same_width),
                given.train_images,
                given.train_labels,
                fit,
                batch=batch,
                seed=plan.seed,
                workers=workers,
                passed_at_once=passed_at_once,
            )
        else:
            source = Cached(grid, given.train_labels, fit, batch=batch, seed=plan.seed)
        trained = train(
            source,
            cells=len(same_width),
            channels=grid.channels,
            classes=len(given.classes),
            plan=plan,
            batch=batch,
            device=here.device,
            state=None if state is None else state / f"probes-{here.rank}-{grid.channels}.pt",
            identity=str([given.train.manifest["identity"], fit.tolist(), list(map(tuple, same_width)), augment]),
            progress=here.first,
        )
        best = chosen_probes(trained, grid.rows, given.train_labels, held, plan=plan, batch=batch)
        found |= dict(zip(same_width, best, strict=True))
    rows = [_row(given, cell, "linear", probe.recipe, _predicted(given, cell, probe)) for cell, probe in found.items()]
    together = {cell: probe for part in gathered([found]) for cell, probe in part.items()}
    return gathered(rows), together


def split_of(given: Inputs, plan: Plan) -> tuple[Tensor, Tensor]:
    """Numbers of the training images to train on, and of those held out to choose among the plan's rates."""
    fit, held = split(len(given.fit), plan.rates)
    return given.fit[fit], given.fit[held]


def probes_of(given: Inputs, typed: str, norm: Norm, found: dict[Cell, Probe]) -> Probes:
    """The probes with what is needed to use them elsewhere."""
    weights = given.train.manifest["identity"]["weights"]
    return Probes(typed, norm, given.classes, dict(sorted(found.items())), weights)


def _logistic(features: Tensor, given: Inputs, plan: Plan, fit: Tensor, held: Tensor, here: Process) -> Probe:
    """The optimum of the penalty under which most held-out images are right, the smaller one among equals."""
    mean, variance = standardisation(features[fit])
    known = standardised(features[fit], mean, variance).to(here.device)
    labels, start, candidates = given.train_labels[fit].to(here.device), None, []
    for rate in sorted(plan.rates, reverse=True):  # from the strongest penalty, each begins where the last one ended
        weight, bias, _ = logistic_regression(
            known,
            labels,
            classes=len(given.classes),
            penalty=plan.preset.weight_decay * rate,
            iterations=plan.of_epochs(),
            start=start,
        )
        start = weight, bias
        recipe = recipe_text(plan, rate, 0, len(held))
        candidates.insert(0, Probe(weight.cpu(), bias.cpu(), mean, variance, recipe))
    right = [(probe.logits(features[held]).argmax(1) == given.train_labels[held]).sum().item() for probe in candidates]
    return candidates[int(np.argmax(right))]


def _frozen(given: Inputs, cells: Sequence[Cell], norm: Norm, here: Process) -> Frozen:
    return Frozen(given.model.to(here.device), cells, norm=norm)


def _predicted(given: Inputs, cell: Cell, probe: Probe) -> Tensor:
    return probe.logits(_vectors(given.test, cell)).argmax(1)


def _row(given: Inputs, cell: Cell, head: str, recipe: str, predicted: Tensor) -> dict[str, Any]:
    return row(
        model=given.name,
        layer=cell.layer,
        pooling=cell.pooling,
        head=head,
        recipe=recipe,
        values=predicted == given.test_labels,
    )


def _vectors(features: Features, cell: Cell, images: Tensor | None = None) -> Tensor:
    array = features.pooled(*cell)
    return torch.from_numpy(np.array(array if images is None else array[images.numpy()]))


def _by_width(features: Features, cells: Iterable[Cell]) -> list[list[Cell]]:
    """Cells of one width together: they are trained as one problem."""
    groups: dict[int, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(features.pooled(*cell).shape[1], []).append(cell)
    return list(groups.values())
