"""`python -m probing features`: one pass of the frozen model, kept on disk for all other commands."""

from __future__ import annotations

import argparse

from ..options import add_cache, add_images, add_model, add_out, add_representation, checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Model, images, layers, poolings and where all goes."""
    add_model(parser)
    add_images(parser)
    add_out(parser)
    add_cache(parser)
    add_representation(parser, norm="none")
    parser.add_argument("--tokens", action="store_true", help="also all tokens of these layers, as AbMILP needs them")


def run(options: argparse.Namespace, command: str) -> int:
    """Extract and say how fast."""
    from study.processes import process
    from study.record import write_manifest

    from ..inputs import inputs, manifest, opened
    from ..representation import chosen

    checked(options)
    with process(options.device) as here:
        session = opened(options)
        tell = print if here.first else (lambda text: None)
        for given in inputs(session, options, here, lambda model: chosen(model, options), tell=tell):
            tell(f"{given.name}: {len(given.train)} + {len(given.test)} images in {given.train.folder.parent}")
        if here.first:
            path = options.out.expanduser() / "features.json"
            print(write_manifest(manifest(session, options, here, command), path))
    return 0
