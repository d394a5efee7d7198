"""`python -m probing layers`: accuracy of every layer and pooling with every head, from one pass of the model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..options import add_cache, add_images, add_model, add_out, add_representation, checked

if TYPE_CHECKING:
    from study.processes import Process

    from ..inputs import Inputs
    from ..linear.training import Plan

Rows = list[dict[str, Any]]
HEADS = ("knn", "knn_plain", "linear", "abmilp")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, images, what is probed, and how the probes are trained."""
    add_model(parser)
    add_images(parser)
    add_out(parser)
    add_cache(parser)
    add_representation(parser)
    add = parser.add_argument
    add("--heads", nargs="+", choices=HEADS, default=list(HEADS[:3]), metavar="HEAD", help=f"of {', '.join(HEADS)}")
    add("--preset", default="lbfgs", metavar="NAME", help="recipe of linear probes, see `presets` (default: lbfgs)")
    add("--abmilp-preset", default="beyond-cls", metavar="NAME", help="recipe of AbMILP (default: beyond-cls)")
    add("--rates", nargs="+", type=float, metavar="X", help="factors on the preset's rate, chosen on held-out images")
    add(
        "--abmilp-rates",
        nargs="+",
        type=float,
        metavar="X",
        help="the same of AbMILP (default: --rates)",
    )
    add("--epochs", type=int, metavar="N", help="of trainings in steps (default: the preset's)")
    add("--probe-batch", type=int, metavar="N", help="images of a training step (default: the preset's, if there are)")
    add("--shots", type=int, metavar="N", help="only so many training images of each class")
    add("--augment", action="store_true", help="crop and flip training images anew: a pass of the model each epoch")
    add("--seed", type=int, default=0, help="of first weights, order and shots (default: 0)")


def run(options: argparse.Namespace, command: str) -> int:
    """Extract, train, tell, draw."""
    from study.alone import alone_in
    from study.processes import process

    from ..inputs import file_name, inputs, manifest, opened
    from ..plans import linear_plan
    from ..plot import draw_results
    from ..representation import chosen
    from ..table import write_results

    checked(options)
    options.tokens = "abmilp" in options.heads
    plan = linear_plan(options, abmilp=options.tokens)
    out, rows = options.out.expanduser(), []
    with process(options.device) as here, alone_in(out, here, "--out"):
        session = opened(options)
        tell = print if here.first else (lambda text: None)
        for typed, given in zip(
            session.typed, inputs(session, options, here, lambda model: chosen(model, options), tell=tell)
        ):
            found, probes = _of_model(given, options, plan, here, out)
            rows += found
            if here.first and probes:
                from ..heads import probes_of

                probes_of(given, typed, probes).save(out / f"probes-{file_name(given.name)}.safetensors")
            tell(_said(given.name, found))
        if here.first:
            path = write_results(_sorted(rows), manifest(session, options, here, command), out)
            print("\n".join(map(str, [path, *draw_results(out)])))
    return 0


def _said(model: str, rows: Rows) -> str:
    """The best layer under each head and pooling, a line each."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for line in rows:
        pair = line["head"], line["pooling"]
        if pair not in best or line["value"] > best[pair]["value"]:
            best[pair] = line
    return "\n".join(
        f"{model}: {head} on {pooling} at most {100 * line['value']:.1f} % "
        f"[{100 * line['low']:.1f}, {100 * line['high']:.1f}], layer {line['layer']} ({line['recipe']})"
        for (head, pooling), line in best.items()
    )


def _sorted(rows: Rows) -> Rows:
    """In the order of models, heads, poolings and layers."""
    models = list(dict.fromkeys(line["model"] for line in rows))
    heads = list(dict.fromkeys(line["head"] for line in rows))
    poolings = list(dict.fromkeys(line["pooling"] for line in rows))
    return sorted(
        rows,
        key=lambda line: (
            models.index(line["model"]),
            heads.index(line["head"]),
            poolings.index(line["pooling"]),
            line["layer"],
        ),
    )


def _of_model(given: Inputs, options: argparse.Namespace, plan: Plan, here: Process, out: Path) -> tuple[Rows, Any]:
    """Rows of one model under all heads, and its linear probes by layer and pooling."""
    from ..heads import VOTES, Passing, knn_rows, linear_rows
    from ..representation import chosen

    cells = chosen(given.model, options).cells
    votes = [head for head in options.heads if head in VOTES]
    rows = knn_rows(given, cells, votes, here) if votes else []
    probes = {}
    if "linear" in options.heads:
        augmented = Passing(options.batch_size, options.workers) if options.augment else None
        found, probes = linear_rows(given, cells, plan, here, out=out, augmented=augmented)
        rows += found
    if "abmilp" in options.heads:
        from ..aggregation.rows import abmilp_rows

        rows += abmilp_rows(given, options, here, out)
    return rows, probes
