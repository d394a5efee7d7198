"""From what was typed to how linear probes are trained."""

from __future__ import annotations

import argparse

from .linear.training import Plan
from .presets import RATES, preset


def linear_plan(options: argparse.Namespace, *, abmilp: bool) -> Plan:
    """The plan of linear probes; `options.norm` becomes the preset's where it was left open.

    Args:
        options: with preset, norm, rates, epochs, probe_batch and seed.
        abmilp: whether AbMILP is trained too, which has epochs and batches in any case.
    Raises:
        ValueError: epochs or a batch that no training would use, or rates that are not above 0.
    """
    chosen = preset(options.preset)
    options.norm = options.norm or chosen.norm
    rates = tuple(options.rates or RATES[chosen.optimiser])
    if chosen.optimiser != "lbfgs":
        return Plan(chosen, rates, options.epochs, options.probe_batch, options.seed)
    idle = [name for name in ("epochs", "probe_batch") if getattr(options, name) is not None]
    if idle and not abmilp:
        raise ValueError(
            f"--{idle[0].replace('_', '-')} with --preset {chosen.name}, which takes all images at once: leave it "
            "out, or choose mae, mocov3 or beyond-cls"
        )
    return Plan(chosen, rates, seed=options.seed)
