"""`python -m probing aggregate`: one layer, every way of making one vector of its tokens, with a linear probe each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..options import add_cache, add_images, add_model, add_out, checked

if TYPE_CHECKING:
    from torch import nn

    from study.processes import Process

    from ..data import LabelledImages
    from ..inputs import Inputs
    from ..linear.training import Plan

SHOWN = 4  # test images in the figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, images, layer, poolings, the release's quirks, and how probes and AbMILP are trained."""
    add_model(parser)
    add_images(parser)
    add_out(parser)
    add_cache(parser)
    add = parser.add_argument
    add("--layer", type=int, default=-1, metavar="N", help="0 (the embedding) to the depth, or -1, the last (default)")
    add(
        "--poolings",
        nargs="+",
        default=[],
        metavar="POOLING",
        help="class_token, patches, registers, both, cp1..4, ca1..4, lowest_entropy_head, mean_head, oracle, abmilp "
        "(default: all that the model can have)",
    )
    add("--norm", choices=("none", "final"), help="the model's last LayerNorm on the tokens (default: the preset's)")
    add(
        "--oracle", metavar="MODEL", help="whose last attention weighs the patches for the pooling oracle, such as dino"
    )
    add("--quirks", nargs="+", default=[], metavar="QUIRK", help="of the released code, by name (default: none)")
    add("--abmilp-depth", type=int, metavar="N", help="linear layers of its score (default: 1)")
    add("--abmilp-activation", metavar="NAME", help="between them: relu or tanh (default: relu)")
    add("--abmilp-self-attention", metavar="WHERE", help="none, map or both (default: none)")
    add("--abmilp-condition", metavar="WHAT", help="none or positions (default: none)")
    add("--abmilp-content", metavar="TOKENS", help="patches or all (default: patches)")
    add("--preset", default="beyond-cls", metavar="NAME", help="recipe of linear probes (default: beyond-cls)")
    add("--abmilp-preset", default="beyond-cls", metavar="NAME", help="recipe of AbMILP (default: beyond-cls)")
    add("--rates", nargs="+", type=float, metavar="X", help="factors on the preset's rate, chosen on held-out images")
    add("--epochs", type=int, metavar="N", help="of the training (default: the preset's)")
    add("--probe-batch", type=int, metavar="N", help="images of a training step (default: the preset's, if there are)")
    add("--shots", type=int, metavar="N", help="only so many training images of each class")
    add("--seed", type=int, default=0, help="of first weights, order and shots (default: 0)")
    add(
        "--shown", type=int, default=SHOWN, metavar="N", help=f"test images in the figure of weights (default: {SHOWN})"
    )


def run(options: argparse.Namespace, command: str) -> int:
    """Extract, train, tell, draw."""
    from study.alone import alone_in
    from study.processes import process

    from ..aggregation.asked import asked, in_order, with_making
    from ..heads import linear_rows
    from ..inputs import inputs, manifest, opened
    from ..table import write_results

    checked(options)
    plan = _plan(options)
    out = options.out.expanduser()
    rows, done = [], []
    with process(options.device) as here, alone_in(out, here, "--out"):
        session, oracle = opened(options), _oracle(options)
        wanted = {id(model): asked(model, options, oracle) for model in session.models.values()}
        tell = print if here.first else (lambda text: None)
        for given in inputs(session, options, here, lambda model: wanted[id(model)], tell=tell):
            done.append((given, wanted[id(given.model)]))
            rows += linear_rows(given, done[-1][1].cells, plan, here, out=out)[0]
        if here.first:  # AbMILP comes last, for its training is not shared: nobody waits for it
            rows, drawn = with_making(rows, quirks=options.quirks, oracle=options.oracle), []
            for given, asked_of_it in done:
                for layer in asked_of_it.token_layers:
                    row, figure = _abmilp(given, session.test, layer, options, here)
                    rows, drawn = [*rows, row], [*drawn, *figure]
            rows = in_order(rows, list(session.models))
            facts = manifest(session, options, here, command) | _facts(options.oracle, oracle)
            path = write_results(rows, facts, out)
            print("\n".join([_said(rows), *map(str, [path, _poolings_figure(path, out), *drawn])]))
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    """How linear probes are trained; all that can be wrong in the options is found before the work begins."""
    from ..aggregation.rows import abmilp_options, abmilp_plan
    from ..plans import linear_plan

    if options.shown < 0:
        raise ValueError(f"--shown {options.shown}: expected 0, for no figure of weights, or a number of test images")
    abmilp_options(options)
    abmilp_plan(options)
    return linear_plan(options, abmilp=True)


def _oracle(options: argparse.Namespace) -> nn.Module | None:
    from study.loading import loaded_models

    if options.oracle is None:
        if "oracle" in options.poolings:
            raise ValueError("--poolings oracle needs --oracle MODEL, whose attention weighs the patches, such as dino")
        return None
    (model,) = loaded_models([options.oracle]).values()
    return model


def _facts(name: str | None, oracle: nn.Module | None) -> dict[str, Any]:
    from study.provenance import weights

    return {} if oracle is None else {"oracle": {name: weights(oracle)}}


def _abmilp(
    given: Inputs, test: LabelledImages, layer: int, options: argparse.Namespace, here: Process
) -> tuple[dict[str, Any], list[Path]]:
    """The row of AbMILP, and the path of the picture of its weights, where one is wanted."""
    from study.atomic import replacing
    from study.data import subset

    from ..aggregation.pictures import weights_figure
    from ..aggregation.rows import abmilp_options, abmilp_plan, abmilp_row, trained_abmilp
    from ..inputs import file_name

    out = options.out.expanduser()
    trained = trained_abmilp(given, layer, abmilp_plan(options), abmilp_options(options), here, out)
    row = abmilp_row(given, layer, trained)
    if not options.shown:
        return row, []
    photographs = [test[index] for index in subset(len(test), options.shown, None)]
    figure = weights_figure(given.model, photographs, trained, name=given.name, layer=layer, norm=options.norm)
    path = out / f"abmilp-{file_name(given.name)}.png"
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=150)
    return row, [path]


def _poolings_figure(table: Path, out: Path) -> Path:
    from study.atomic import replacing

    from ..aggregation.figure import poolings_figure
    from ..table import read_results

    path = out / "poolings.png"
    with replacing(path) as part:
        poolings_figure(read_results(table)).savefig(part, format="png", dpi=150)
    return path


def _said(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table for the terminal."""
    return "\n".join(
        f"{row['model']}  layer {row['layer']}  {_name(row):<20} {100 * row['value']:5.1f} %  "
        f"({100 * row['low']:.1f} to {100 * row['high']:.1f})  {row['recipe']}"
        for row in rows
    )


def _name(row: Mapping[str, Any]) -> str:
    return row["pooling"] if row["head"] == "linear" else row["head"]
