"""`python -m probing shape-bias`: shape against texture on cue-conflict images."""

from __future__ import annotations

import argparse

from ..evaluation.options import add_classifiers
from ..options import add_out, checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of this command."""
    add_classifiers(parser)
    parser.add_argument(
        "--data",
        required=True,
        metavar="PATH",
        help="cue-conflict images (cat/cat1-elephant2.jpg); probes and models know the 16 classes or ImageNet's 1000",
    )
    add_out(parser)


def run(options: argparse.Namespace, command: str) -> int:
    """Pass the images, count decisions, write the table."""
    from pretraining.data.collections import open_collection
    from study.processes import process

    from ..evaluation.account import account
    from ..evaluation.passes import passes
    from ..evaluation.shape_bias_rows import bias_differences, in_words, shape_bias_rows, shape_biases
    from ..evaluation.subjects import opened_subjects
    from ..table import write_results

    checked(options)
    with process(options.device) as here:
        images = open_collection(options.data, limit=options.limit)
        subjects = opened_subjects(options)
        found = shape_biases(subjects, images, passes(options, here))
        if here.first:
            differences = bias_differences(subjects, found)
            manifest = account(command, options, here, subjects, {"data": images}, bias_differences=differences)
            path = write_results(shape_bias_rows(subjects, images, found), manifest, options.out.expanduser())
            print(*in_words(subjects, found, differences), path, sep="\n")
    return 0
