"""Rows of the table for AbMILP on layers of one model."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from study.processes import Process, gathered

from ..features.frozen import TOKENS, chosen_layers
from ..inputs import Inputs, file_name
from ..kept import kept_row
from ..linear.training import Plan
from ..presets import RATES, preset
from ..table import row
from .abmilp import AbMILPOptions
from .training import TrainedAbMILP, train_abmilp

HEAD = "abmilp"
OPTIONS = ("depth", "activation", "self_attention", "condition", "content")
"""Of AbMILP; on command lines with `--abmilp-` in front."""

Rows = list[dict[str, Any]]


def abmilp_rows(given: Inputs, options: argparse.Namespace, here: Process, out: Path) -> Rows:
    """Accuracy of AbMILP on each layer that was asked for; layers are shared out over processes, all have to ask.

    Args:
        given: features and labels, with all tokens of these layers.
        options: with layers, abmilp_preset, rates, epochs, probe_batch and seed; and what `abmilp_options` reads.
        here: this process.
        out: folder for the states of trainings that may be killed.
    """
    blocks: Any = given.model.blocks
    layers = chosen_layers(options.layers, len(blocks))
    plan, kind = abmilp_plan(options), abmilp_options(options)
    mine = layers[here.rank :: here.world]
    return gathered(
        [
            kept_row(out, _identity(given, layer, plan, kind), partial(_row, given, layer, plan, kind, here, out))
            for layer in mine
        ]
    )


def _row(given: Inputs, layer: int, plan: Plan, kind: AbMILPOptions, here: Process, out: Path) -> dict[str, Any]:
    return abmilp_row(given, layer, trained_abmilp(given, layer, plan, kind, here, out))


def _identity(given: Inputs, layer: int, plan: Plan, kind: AbMILPOptions) -> list[Any]:
    """Of all that the row depends on."""
    features = [given.train.manifest["identity"], given.test.manifest["identity"]]
    return [features, given.name, given.fit.tolist(), given.test_labels.tolist(), layer, plan, kind]


def trained_abmilp(
    given: Inputs, layer: int, plan: Plan, options: AbMILPOptions, here: Process, out: Path
) -> TrainedAbMILP:
    """AbMILP trained and tested on one layer of a model.

    Args:
        given: features and labels, with all tokens of this layer.
        layer: 0 for the embedding.
        plan: preset with learning rates.
        options: of AbMILP.
        here: this process.
        out: folder of the state.
    """
    return train_abmilp(
        given.train.tokens(layer),
        given.train_labels,
        given.test.tokens(layer),
        plan=plan,
        classes=len(given.classes),
        layout=given.train.layout,
        options=options,
        images=given.fit,
        device=here.device,
        state=out / f"abmilp-{file_name(given.name)}-{layer}.pt",
        identity=str([given.train.manifest["identity"], given.fit.tolist(), layer]),
        progress=here.first,
    )


def abmilp_row(given: Inputs, layer: int, trained: TrainedAbMILP) -> dict[str, Any]:
    """The line of the table for what came out of a training."""
    return row(
        model=given.name,
        layer=layer,
        pooling=TOKENS,
        head=HEAD,
        recipe=f"{trained.recipe}, norm {given.train.manifest['identity']['norm']}",
        values=trained.logits.argmax(1) == given.test_labels,
    )


def abmilp_plan(options: argparse.Namespace) -> Plan:
    """How it is trained.

    Raises:
        ValueError: no such preset, or one that takes all images at once.
    """
    recipe = preset(options.abmilp_preset)
    if recipe.optimiser == "lbfgs":
        raise ValueError(f"--abmilp-preset {recipe.name}: AbMILP is trained in steps; choose beyond-cls, mae or mocov3")
    shared = options.rates if preset(options.preset).optimiser != "lbfgs" else None  # whose factors are of its penalty
    rates = tuple(getattr(options, "abmilp_rates", None) or shared or RATES[recipe.optimiser])
    return Plan(recipe, rates, options.epochs, options.probe_batch, options.seed)


def abmilp_options(options: argparse.Namespace) -> AbMILPOptions:
    """Which AbMILP it is: the headline setting, but for what the options say."""
    named = {name: getattr(options, f"abmilp_{name}", None) for name in OPTIONS}
    return AbMILPOptions(**{name: value for name, value in named.items() if value is not None})
