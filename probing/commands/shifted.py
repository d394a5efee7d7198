"""`python -m probing shifted`: accuracy on other images of the same classes, beside the clean one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..evaluation.options import add_classifiers, add_seed
from ..options import add_out, checked

if TYPE_CHECKING:
    from ..evaluation.shifted_rows import Shift

TEXTURES = ("amplitude-swapped",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this command."""
    add_classifiers(parser)
    add = parser.add_argument
    add("--data", required=True, metavar="PATH", help="clean test images: folder or zip of classes, or a data set")
    add("--labels", metavar="FILE", help="class of each clean image, where folders do not tell")
    shifted = parser.add_mutually_exclusive_group(required=True)
    shifted.add_argument(
        "--shifted", metavar="PATH", help="other images of the same classes, such as Stylized ImageNet"
    )
    shifted.add_argument(
        "--textures",
        choices=TEXTURES,
        help="randomised by a way of our own, which is not Stylized ImageNet: every image gets the amplitudes of an "
        "image of another class",
    )
    add("--shifted-labels", metavar="FILE", help="class of each shifted image, where folders do not tell")
    add_seed(parser, "--textures, which draws the other image")
    add_out(parser)


def run(options: argparse.Namespace, command: str) -> int:
    """Pass clean and shifted images, write the table."""
    from study.processes import process

    from ..evaluation.account import account
    from ..evaluation.passes import passes
    from ..evaluation.shifted_rows import check_classes, in_words, shifted_rows
    from ..evaluation.subjects import opened_subjects
    from ..table import write_results

    checked(options)
    with process(options.device) as here:
        shift = _shift(options)
        subjects = opened_subjects(options)
        check_classes(subjects, shift)
        rows = [line for subject in subjects for line in shifted_rows(subject, shift, passes(options, here))]
        if here.first:
            images = {"data": shift.clean, "shifted": shift.shifted}
            facts = {"paired": shift.beside.paired, "clean": len(shift.beside.clean), "textures": options.textures}
            manifest = account(command, options, here, subjects, images, shift=facts)
            path = write_results(rows, manifest, options.out.expanduser())
            print(*in_words(rows), shift.note(), path, sep="\n")
    return 0


def _shift(options: argparse.Namespace) -> Shift:
    from ..data import labelled_images
    from ..evaluation.shifted_rows import given, with_our_textures

    clean = labelled_images(options.data, limit=options.limit, labels=options.labels)
    if options.shifted is None:
        return with_our_textures(clean, options.seed)
    return given(clean, labelled_images(options.shifted, limit=options.limit, labels=options.shifted_labels))
