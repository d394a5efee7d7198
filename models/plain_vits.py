"""Which of timm's architectures are plain ViTs: one grid of patches, full attention in every block."""

from __future__ import annotations

import difflib

import timm

PLAIN_MODULES = ("vision_transformer", "beit", "eva", "deit", "vision_transformer_relpos")

REASONS = {
    "swin_transformer": "it attends inside shifted windows and merges patches between stages",
    "maxxvit": "it alternates window and grid attention with convolutions",
    "cait": "it mixes heads before and after the softmax and appends the class token late",
    "xcit": "it attends between channels, not between patches",
    "levit": "it shrinks its grid between stages",
    "pit": "it pools its patches between stages",
    "vision_transformer_hybrid": "its patches come from a convolutional network",
    "vision_transformer_sam": "most of its blocks attend inside windows",
    "crossvit": "it runs two branches of different patch sizes",
    "mvitv2": "it pools queries and keys between stages",
    "hiera": "it attends inside windows in its early stages",
    "pvt_v2": "it shrinks its keys and its grid between stages",
    "convit": "its attention is gated between position and content",
    "volo": "its early blocks use outlook attention",
    "naflexvit": "it takes packed patches of any aspect instead of one grid",
}


def is_timm_name(name: str) -> bool:
    """Whether timm knows the architecture in `architecture.tag`, or the name is one of a model hub."""
    return name.startswith(("hf-hub:", "hf_hub:", "local-dir:")) or timm.is_model(name.split(".")[0])


def refuse_unless_plain_name(name: str) -> None:
    """Raise ValueError, before anything is built or fetched, where timm's architecture is no plain ViT.

    Names of a model hub pass: what they hold is only known once it is there.
    """
    if not timm.is_model(name.split(".")[0]):
        return
    module = timm.model_entrypoint(name.split(".")[0]).__module__.rpartition(".")[2]
    if module in PLAIN_MODULES:
        return
    reason = next((text for stem, text in REASONS.items() if module.startswith(stem)), "it is another kind of network")
    raise ValueError(
        f"name={name!r} (timm.models.{module}) is not a plain ViT: {reason}. The analyses need one grid of "
        "patches "
        f"and full attention between them in every block, as in timm's {', '.join(PLAIN_MODULES)}"
    )


def nearest_timm_names(name: str, count: int = 3) -> list[str]:
    """timm's names of plain ViTs that look like this one, nearest first."""
    known = [
        found
        for found in {*timm.list_models(), *timm.list_pretrained()}
        if timm.model_entrypoint(found.split(".")[0]).__module__.rpartition(".")[2] in PLAIN_MODULES
    ]
    return difflib.get_close_matches(name, sorted(known), n=count, cutoff=0.6)
