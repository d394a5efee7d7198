"""Figures of the papers by command: `python -m experiments [list | run NAME... | draw RESULTS | claims | report]`.

Without a command: `run overview`, the miniature models on the photographs that scikit-learn and scikit-image bring.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from study.command_line import INTERRUPTED, Parser, exit_status

from .catalogue import EXPERIMENTS, chosen, of_no_use, titles
from .folder import first_process, made, remove_empty, results_folder, unfinished
from .settings import BASES, CONVENTIONS, DECODER_INPUTS, DTYPES, FITS, PERPLEXITY, Settings
from .tokens.foreground import foreground


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all went well, 1 after an error, which goes to stderr as one line."""
    typed = list(sys.argv[1:] if arguments is None else arguments)

    def command() -> int:
        options = _parser().parse_args(_with_command(typed))
        try:
            return options.run(options, typed) or 0
        except KeyboardInterrupt as error:
            print(f"\n{_stopped(typed, *error.args)}", file=sys.stderr)  # on a line of its own, below a progress bar
            return INTERRUPTED

    return exit_status(command)


def _stopped(typed: list[str], kept: str = "") -> str:
    """What to say after Ctrl-C: what was measured is kept in the folder that --out names, else in that of `_kept`."""
    measures = typed[:1] not in (["list"], ["draw"], ["report"])
    named = any(word.partition("=")[0] == "--out" for word in typed)
    return "stopped; the same command goes on" if measures and named else f"stopped{kept and '; '}{kept}"


def _kept(folders: Mapping[str, Path]) -> str:
    """Where the parts of an unfinished run without --out are, and how it goes on; nothing where there are none."""
    from study.parts import PARTS

    alone = len(folders) == 1
    return "; ".join(
        f"parts of {name} are in {folder}: {'the same command' if alone else f'`run {name}`, the rest as typed,'} "
        f"with --out {folder} goes on"
        for name, folder in folders.items()
        if (folder / PARTS).is_dir()
    )


def _with_command(typed: list[str]) -> list[str]:
    """`run` in front where options come first or nothing was typed.

    Raises:
        ValueError: an experiment stands where the command belongs.
    """
    if typed and typed[0] in {*EXPERIMENTS, "all"}:
        raise ValueError(f"invalid choice: {typed[0]!r} is an experiment: type `python -m experiments run {typed[0]}`")
    bare = not typed or (typed[0].startswith("-") and typed[0] not in {"-h", "--help"})
    return ["run", *typed] if bare else typed


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m experiments", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="names of the experiments and what they show")
    listing.set_defaults(run=_list)
    _add_run(commands.add_parser("run", help="measure and draw"))
    statuses = "Exit status: 0 when no claim is refuted, 2 when one is, 1 after an error."
    _add_claims(
        commands.add_parser("claims", help="which of the papers' statements hold for two models", epilog=statuses)
    )
    drawing = commands.add_parser("draw", help="draw a figure again from its results; needs no torch")
    drawing.add_argument("results", type=Path, metavar="RESULTS", help="folder of a run or of several, or a table")
    drawing.set_defaults(run=_draw)
    _add_report(commands.add_parser("report", help="results and an attention explorer as one HTML page"))
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    add = run.add_argument
    add("names", nargs="*", metavar="NAME", help="experiments, or all; overview without any")
    add("--models", nargs="+", default=[], metavar="MODEL", help="registry or timm names, or files")
    _add_measuring(run)
    _add_choices(run)
    run.set_defaults(run=_run)


def _add_choices(run: argparse.ArgumentParser) -> None:
    """What single experiments leave open."""
    add = run.add_argument_group("choices of single experiments").add_argument
    add("--until-precise", type=float, metavar="SHARE", help="measure until every interval is that narrow, e.g. 0.01")
    add("--depths", type=int, nargs="+", default=[], metavar="DEPTH", help="1 ... L, where single depths are shown")
    add("--head", type=int, metavar="N", help="of attention-maps, from 0 (default: mean over heads)")
    add("--basis", default="joint", choices=BASES, help="tokens on which token-transformation fits its axes")
    add("--decoder-input", default="all", choices=DECODER_INPUTS, help="patches that MAE's decoder is given")
    add("--perplexity", type=float, default=PERPLEXITY, metavar="P", help=f"of t-SNE (default: {PERPLEXITY:g})")
    add("--fit", default="joint", choices=FITS, help="of pca: axes of all images together, or of each by itself")
    add("--foreground", default="", metavar="RULE", help="of pca: above:SHARE or below:SHARE of the first component")
    add("--probing", type=Path, nargs="+", default=[], metavar="DIR", help="results of `python -m probing` to read")
    add("--layer-scale", action="store_true", help="magnitudes of cls-statistics after LayerScale")
    add("--relative", action="store_true", help="singular-spectra as the difference to depth 0")
    add("--train", action="store_true", help="train what is read otherwise")


def _add_claims(claims: argparse.ArgumentParser) -> None:
    add = claims.add_argument
    add("--cl", default="mini-moco", metavar="MODEL", help="the contrastive model (default: mini-moco)")
    add("--mim", default="mini-simmim", metavar="MODEL", help="the masked model (default: mini-simmim)")
    add(
        "--probing",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="results of `python -m probing` (default: stored)",
    )
    _add_measuring(claims)
    claims.set_defaults(run=_claims)


def _add_report(report: argparse.ArgumentParser) -> None:
    add = report.add_argument
    add("results", type=Path, nargs="+", metavar="RESULTS", help="folders of runs, or of several of them")
    add("--models", nargs="*", metavar="MODEL", help="in the explorer (default: of the results; nothing: none)")
    add("--num-heads", type=int, metavar="N", help="of files whose shapes and size do not tell it")
    add("--data", default="sample", help="photographs of the explorer, as for run (default: sample)")
    add("--images", type=int, metavar="N", help="that many of them (default: 4)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: auto)")
    add("--limit-mb", type=float, default=8.0, metavar="MB", help="size of the page; what is left out it says itself")
    add("--title", help="of the page (default: the models)")
    add("--out", type=Path, default=Path("report.html"), metavar="FILE", help="(default: report.html)")
    add("--overwrite", action="store_true", help="replace the file")
    report.set_defaults(run=_report)


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    """Images, precision, folder: what every measurement has."""
    add = parser.add_argument
    add("--num-heads", type=int, metavar="N", help="of files whose shapes and size do not tell it")
    add("--data", default="sample", help="sample, imagenette, a folder, a zip or a folder in it (default: sample)")
    add("--images", type=int, metavar="N", help="that many, evenly spaced over the sorted list (default: all)")
    add("--labels", metavar="FILE", help="class of each image, where folders do not tell")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: auto)")
    add("--dtype", default="float32", choices=DTYPES, help="of weights and images (default: float32)")
    add("--out", type=Path, metavar="DIR", help="folder of the results (default: results/NAME-DATE-TIME)")
    add("--overwrite", action="store_true", help="replace the results that --out holds")
    add("--batch-size", type=int, default=32, metavar="N")
    add("--workers", type=int, default=0, metavar="N", help="processes that read images (default: 0)")
    add("--convention", default="park2023", choices=CONVENTIONS, help="of attention distance and NMI")
    add("--seed", type=int, help="draw the N images at random with this seed")


def _list(options: argparse.Namespace, typed: list[str]) -> None:
    for name, title in titles().items():
        print(f"{name:<20} {title}")


def _run(options: argparse.Namespace, typed: list[str]) -> None:
    names = chosen(options.names)
    settings = _settings(options)
    useless = of_no_use(settings, names)
    if useless and len(names) == 1:
        raise ValueError(f"{'; '.join(useless)}: {names[0]} does not look at it, leave it out")
    command = shlex.join(["python", "-m", "experiments", *typed])
    asked = {name: results_folder(name, settings.out, several=len(names) > 1) for name in names}
    folders = asked if settings.overwrite else unfinished(asked, command)
    for name in [name for name in asked if name not in folders and first_process()]:
        print(f"{name}: this command has finished it, see {asked[name]}")
    new = made(folders.values(), overwrite=settings.overwrite) if first_process() else []
    try:
        from .running import run_experiments

        run_experiments(folders, settings, command, alone=len(names) == 1)
    except KeyboardInterrupt as error:
        remove_empty(new)
        raise KeyboardInterrupt(_kept(folders)) from error
    except BaseException:
        remove_empty(new)
        raise
    if useless and first_process():
        print(f"of no use to these experiments: {'; '.join(useless)}", file=sys.stderr)


def _claims(options: argparse.Namespace, typed: list[str]) -> int:
    from .claims.run import run_claims

    return run_claims(options, _settings(options), shlex.join(["python", "-m", "experiments", *typed]))


def _report(options: argparse.Namespace, typed: list[str]) -> None:
    from .report.run import run_report

    run_report(options, shlex.join(["python", "-m", "experiments", *typed]))


def _settings(options: argparse.Namespace) -> Settings:
    for name, least in {"images": 1, "batch_size": 1, "workers": 0}.items():
        value = getattr(options, name)
        if value is not None and value < least:
            raise ValueError(f"--{name.replace('_', '-')} {value}: expected at least {least}")
    share = getattr(options, "until_precise", None)
    if share is not None and not 0 < share < 1:
        raise ValueError(f"--until-precise {share:g}: expected a share between 0 and 1, such as 0.01 for ± 1 %")
    foreground(getattr(options, "foreground", ""))
    fields = {field.name for field in dataclasses.fields(Settings)}
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(options).items()
        if name in fields
    }
    return Settings(**known)


def _draw(options: argparse.Namespace, typed: list[str]) -> None:
    from .drawing import draw_folders, draw_table

    draw = draw_folders if options.results.is_dir() else draw_table
    print("\n".join(map(str, draw(options.results))))


if __name__ == "__main__":
    sys.exit(main())
