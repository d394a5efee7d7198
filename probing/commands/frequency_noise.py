"""`python -m probing frequency-noise`: accuracy under noise in one band of frequencies after another."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from ..evaluation.frequency import EPSILON, FREQUENCIES, WIDTH
from ..evaluation.options import add_classifiers, add_seed
from ..options import add_out, checked

if TYPE_CHECKING:
    from ..evaluation.frequency_rows import Bands
    from ..evaluation.subjects import Subject

CALIBRATION_IMAGES = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this command."""
    add_classifiers(parser)
    add = parser.add_argument
    add("--data", required=True, metavar="PATH", help="test images: folder or zip of classes, or a data set")
    add("--labels", metavar="FILE", help="class of each image, where folders do not tell")
    add(
        "--epsilon",
        type=float,
        metavar="E",
        help=f"size of the noise before it is filtered, in units of normalised images (default: {EPSILON}, an example "
        "by the author of the method; the paper's is not known)",
    )
    add("--width", type=float, default=WIDTH, metavar="W", help=f"of a band in units of pi (default: {WIDTH}, full)")
    add("--frequencies", type=float, nargs="+", metavar="F", help="centres in units of pi (default: 0.1 0.2 ... 0.9)")
    add("--calibrate", type=float, metavar="POINTS", help="find the epsilon whose worst drop is about that many points")
    add("--on", metavar="NAME", help="model of --calibrate, by the best of its probes (default: the only model)")
    add(
        "--calibration-images",
        type=int,
        default=CALIBRATION_IMAGES,
        metavar="N",
        help=f"images of --calibrate, evenly spaced (default: {CALIBRATION_IMAGES})",
    )
    add_seed(parser, "the noise, which is drawn for each image and band")
    add_out(parser)


def run(options: argparse.Namespace, command: str) -> int:
    """Pass clean and noisy images, write the table."""
    from study.processes import process

    from ..data import labelled_images
    from ..evaluation.account import account
    from ..evaluation.frequency_rows import Bands, frequency_rows, in_words
    from ..evaluation.passes import passes
    from ..evaluation.subjects import opened_subjects
    from ..table import write_results

    _check(checked(options))
    frequencies = options.frequencies or list(FREQUENCIES)
    with process(options.device) as here:
        images = labelled_images(options.data, limit=options.limit, labels=options.labels)
        subjects = opened_subjects(options)
        bands = Bands(images, frequencies, options.width, options.seed, passes(options, here))
        for subject in subjects:
            bands.truth(subject)  # for its complaints, before anything is passed
        notes = sorted({note for subject in subjects if (note := bands.unevenness(subject)) is not None})
        if here.first:
            print(*(f"note: {note}" for note in notes), sep="\n", end="\n" if notes else "")
        epsilon, calibration = _epsilon(options, subjects, bands)
        if here.first:
            print(f"epsilon {epsilon:g} in units of normalised images, before the noise is filtered")
        rows = [line for subject in subjects for line in frequency_rows(subject, bands, epsilon)]
        if here.first:
            facts = {"epsilon": epsilon, "frequencies": frequencies, "width": options.width, "notes": notes}
            facts["calibration"] = calibration
            manifest = account(command, options, here, subjects, {"data": images}, noise=facts)
            path = write_results(rows, manifest, options.out.expanduser())
            print(*in_words(rows), path, sep="\n")
    return 0


def _epsilon(options: argparse.Namespace, subjects: list[Subject], bands: Bands) -> tuple[float, dict[str, Any] | None]:
    """The size of the noise, and how it was found where it was looked for."""
    from ..evaluation.frequency_rows import calibrated_on

    if options.calibrate is None:
        return (EPSILON if options.epsilon is None else options.epsilon), None
    named = [subject for subject in subjects if options.on in (None, subject.name)]
    if len(named) != 1:
        there = ", ".join(subject.name for subject in subjects)
        raise ValueError(f"--on {options.on or 'is missing'}: expected the model whose accuracy is to drop, of {there}")
    found, known = calibrated_on(named[0], bands, options.calibrate, options.calibration_images)
    return found.epsilon, known


def _check(options: argparse.Namespace) -> None:
    if options.calibrate is not None and options.epsilon is not None:
        raise ValueError(f"--epsilon {options.epsilon:g} with --calibrate, which looks for it: leave one of them out")
    if options.calibrate is None and options.on is not None:
        raise ValueError(f"--on {options.on} is for --calibrate POINTS")
    if options.epsilon is not None and not 0 < options.epsilon < math.inf:
        raise ValueError(f"--epsilon {options.epsilon:g}: expected above 0")
    if options.calibration_images < 1:
        raise ValueError(f"--calibration-images {options.calibration_images}: expected at least 1")
    given = [f"{frequency:g}" for frequency in options.frequencies or []]
    if len(set(given)) < len(given):
        raise ValueError(f"--frequencies {' '.join(given)}: one is given twice")
