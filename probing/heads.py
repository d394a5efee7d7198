"""Rows of the table for one model: what each head says of each layer and pooling."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ops import knn_predict
from study.processes import Process, gathered

from .features.extraction import running
from .features.frozen import Cell, Frozen
from .features.store import Features
from .inputs import Inputs, file_name
from .kept import kept_probes
from .linear.grid import Grid
from .linear.logistic import logistic_regression, standardisation, standardised
from .linear.probes import Probe, Probes
from .linear.sources import Augmented, Cached, Source
from .linear.training import Plan, chosen_probes, recipe_text, split, train
from .table import with_intervals

NEIGHBOURS = 20  # that vote, as in DINO
VOTES = {"knn": "softmax", "knn_plain": "uniform"}
"""Heads that need no training, and how their neighbours vote."""

Rows = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Passing:
    """How images pass a model.

    Attributes:
        batch_size: images at once.
        workers: processes that read them.
    """

    batch_size: int = 64
    workers: int = 0


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
    votes: list[_Answer] = []
    for cell in tqdm(cells[here.rank :: here.world], desc="k-NN", unit="cell", disable=not here.first):
        bank = _vectors(given.train, cell, given.fit).to(here.device)
        asked = _vectors(given.test, cell).to(here.device)
        labels = given.train_labels[given.fit].to(here.device)
        for head in heads:
            found = knn_predict(asked, bank, labels, k=k, weighting=VOTES[head], classes=len(given.classes))  # pyright: ignore[reportArgumentType]
            weighting = "weights exp(cosine / 0.07)" if head == "knn" else "one vote each"
            recipe = f"k-NN: k {k}, {weighting}, cosine, {len(bank)} training images{_circumstances(given, None)}"
            votes.append(_Answer(cell, head, recipe, found.cpu()))
    return gathered(_rows(given, votes))


def linear_rows(
    given: Inputs,
    cells: Sequence[Cell],
    plan: Plan,
    here: Process,
    *,
    out: Path | None = None,
    augmented: Passing | None = None,
) -> tuple[Rows, dict[Cell, Probe]]:
    """Accuracy of linear probes, and the probes; cells are shared out over processes.

    Args:
        given: features and labels.
        cells: layers and poolings.
        plan: preset and what was changed of it.
        here: this process.
        out: folder of the results, where finished probes and the states of those that are trained are kept.
        augmented: how images pass the model, where each training image is cropped and flipped anew every time.
    Raises:
        ValueError: batches or augmentation with a preset that takes all images at once, or what `train` refuses.
    """
    if plan.preset.optimiser == "lbfgs" and (augmented or plan.batch is not None):
        raise ValueError(
            f"{plan.preset.name} takes all images at once: it has no batches and no augmentation; choose mae, mocov3 "
            "or beyond-cls with --preset"
        )
    found: dict[Cell, Probe] = {}
    for same_width in _by_width(given.train, cells[here.rank :: here.world]):
        identity = _identity(given, same_width, plan, augmented)
        make = partial(_probes, given, same_width, plan, here, out, augmented, identity)
        found |= kept_probes(out, identity, make).probes
    said = [_Answer(cell, "linear", probe.recipe, _predicted(given, cell, probe)) for cell, probe in found.items()]
    together = {cell: probe for part in gathered([found]) for cell, probe in part.items()}
    return gathered(_rows(given, said)), together


def _probes(
    given: Inputs,
    cells: Sequence[Cell],
    plan: Plan,
    here: Process,
    out: Path | None,
    augmented: Passing | None,
    identity: str,
) -> Probes:
    """Probes of cells of one width, trained or solved for."""
    fit, held = split_of(given, plan)
    if plan.preset.optimiser == "lbfgs":
        bar = tqdm(cells, desc="logistic", unit="cell", disable=not here.first)
        best = [_logistic(_vectors(given.train, cell), given, plan, fit, held, here) for cell in bar]
    else:
        best = _stepwise(given, cells, plan, fit, held, here, out, augmented, identity)
    more = _circumstances(given, augmented)
    named = [dataclasses.replace(probe, recipe=f"{probe.recipe}{more}") for probe in best]
    return probes_of(given, "", dict(zip(cells, named, strict=True)))


def _stepwise(
    given: Inputs,
    cells: Sequence[Cell],
    plan: Plan,
    fit: Tensor,
    held: Tensor,
    here: Process,
    out: Path | None,
    augmented: Passing | None,
    identity: str,
) -> list[Probe]:
    """Probes trained by gradient steps, all together."""
    grid, batch = Grid([given.train.pooled(*cell) for cell in cells]), plan.of_batch(len(fit))
    with _source(given, cells, grid, plan, fit, batch, here, augmented) as source:
        trained = train(
            source,
            cells=len(cells),
            channels=grid.channels,
            classes=len(given.classes),
            plan=plan,
            batch=batch,
            device=here.device,
            state=None if out is None else out / f"probes-{file_name(given.name)}-{here.rank}-{grid.channels}.pt",
            identity=identity,
            progress=here.first,
        )
    return chosen_probes(trained, grid.rows, given.train_labels, held, plan=plan, batch=batch, images=len(fit))


@contextlib.contextmanager
def _source(
    given: Inputs,
    cells: Sequence[Cell],
    grid: Grid,
    plan: Plan,
    fit: Tensor,
    batch: int,
    here: Process,
    augmented: Passing | None,
) -> Iterator[Source]:
    """Where the batches come from; with augmentation the model is in its precision meanwhile."""
    if augmented is None:
        yield Cached(grid, given.train_labels, fit, batch=batch, seed=plan.seed)
        return
    with running(given.model, None, here.device, _known(given, "dtype")):
        yield Augmented(
            Frozen(given.model, cells, norm=_known(given, "norm")),
            tuple(cells),
            given.train_images,
            given.train_labels,
            fit,
            batch=batch,
            seed=plan.seed,
            workers=augmented.workers,
            passed_at_once=augmented.batch_size,
        )


def _identity(given: Inputs, cells: Sequence[Cell], plan: Plan, augmented: Passing | None) -> str:
    """Of all that probes depend on."""
    known = [given.train.manifest["identity"], given.fit.tolist(), list(map(tuple, cells)), augmented is not None]
    return str([*known, dataclasses.asdict(plan)])


def _circumstances(given: Inputs, augmented: Passing | None) -> str:
    """What a recipe does not say of the features."""
    dtype = _known(given, "dtype")
    return "".join(
        (
            f", norm {_known(given, 'norm')}",
            "" if dtype == "float32" else f", {dtype}",
            "" if augmented is None else ", crops and flips",
        )
    )


def _known(given: Inputs, field: str) -> Any:
    return given.train.manifest["identity"][field]


def split_of(given: Inputs, plan: Plan) -> tuple[Tensor, Tensor]:
    """Numbers of the training images to train on, and of those held out to choose among the plan's rates."""
    fit, held = split(given.train_labels[given.fit], plan.rates)
    return given.fit[fit], given.fit[held]


def probes_of(given: Inputs, typed: str, found: dict[Cell, Probe]) -> Probes:
    """The probes with what is needed to use them elsewhere; `typed` is the model's name for `load_model`."""
    return Probes(typed, _known(given, "norm"), given.classes, dict(sorted(found.items())), _known(given, "weights"))


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
        recipe = recipe_text(plan, rate, 0, len(held), len(fit))
        candidates.insert(0, Probe(weight.cpu(), bias.cpu(), mean, variance, recipe))
    right = [(probe.logits(features[held]).argmax(1) == given.train_labels[held]).sum().item() for probe in candidates]
    return candidates[int(np.argmax(right))]


def _predicted(given: Inputs, cell: Cell, probe: Probe) -> Tensor:
    return probe.logits(_vectors(given.test, cell)).argmax(1)


class _Answer(NamedTuple):
    """What a head says of the test images."""

    cell: Cell
    head: str
    recipe: str
    predicted: Tensor


def _rows(given: Inputs, answers: Sequence[_Answer]) -> Rows:
    if not answers:  # of a process without a share
        return []
    known = {"model": given.name, "metric": "accuracy"}
    lines = [
        {**known, "layer": one.cell.layer, "pooling": one.cell.pooling, "head": one.head, "recipe": one.recipe}
        for one in answers
    ]
    return with_intervals(lines, torch.stack([one.predicted == given.test_labels for one in answers], dim=1))


def _vectors(features: Features, cell: Cell, images: Tensor | None = None) -> Tensor:
    array = features.pooled(*cell)
    return torch.from_numpy(np.array(array if images is None else array[images.numpy()]))


def _by_width(features: Features, cells: Iterable[Cell]) -> list[list[Cell]]:
    """Cells of one width together: they are trained as one problem."""
    groups: dict[int, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(features.pooled(*cell).shape[1], []).append(cell)
    return list(groups.values())
