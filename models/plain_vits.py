"""Which models are plain ViTs (one grid of patches, full attention in every block), by class and by timm's name."""

from __future__ import annotations

import difflib

import timm

PLAIN_MODULES = ("vision_transformer", "beit", "eva", "deit", "vision_transformer_relpos")

NOT_PLAIN = (
    ("swin_transformer", "Swin", "attends inside shifted windows and merges patches between stages"),
    ("maxxvit", "MaxxVit", "alternates window and grid attention with convolutions"),
    ("cait", "Cait", "mixes heads before and after the softmax and appends the class token late"),
    ("xcit", "Xcit", "attends between channels, not between patches"),
    ("pit", "PoolingVisionTransformer", "pools its patches between stages"),
    ("levit", "Levit", "shrinks its grid between stages"),
    ("mvitv2", "MultiScaleVit", "pools queries and keys between stages"),
    ("pvt_v2", "PyramidVisionTransformer", "shrinks its keys and its grid between stages"),
    ("twins", "Twins", "attends inside windows and on a coarser grid"),
    ("crossvit", "CrossVit", "runs two branches of different patch sizes"),
    ("tnt", "Tnt", "nests a second transformer inside each patch"),
    ("nest", "Nest", "attends inside blocks of the image"),
    ("coat", "CoaT", "attends between channels"),
    ("davit", "DaViT", "alternates window attention with attention between channels"),
    ("edgenext", "EdgeNeXt", "is a convolutional network with attention between channels"),
    ("mobilevit", "MobileVit", "is a convolutional network with attention inside it"),
    ("byobnet", "ByobNet", "is a convolutional network"),
    ("hiera", "Hiera", "attends inside windows in its early stages and pools between stages"),
    ("vision_transformer_hybrid", None, "takes its patches from a convolutional network"),
    ("vision_transformer_sam", None, "attends inside windows in most of its blocks"),
    ("convit", None, "gates its attention between position and content"),
    ("volo", None, "uses outlook attention in its early blocks"),
    (
        "transformers.vit_mae",
        "ViTMAE",
        "shuffles its patches at random, even with mask_ratio=0 (load_model('mae') opens the same weights in order)",
    ),
    ("naflexvit", None, "takes packed patches of any aspect instead of one grid"),
)
"""How the name of timm's module begins, how that of the class does (None: it does not tell), and why it is none."""


def refuse_unless_plain(class_name: str) -> None:
    """Raise ValueError where a model's class is known to be no plain ViT, and say why."""
    for _, start, reason in NOT_PLAIN:
        if start is not None and class_name.lower().startswith(start.lower()):
            raise ValueError(
                f"{class_name} is not a plain ViT: it {reason}. The analyses need one grid of patches and full "
                "attention between them in every block"
            )


def is_timm_name(name: str) -> bool:
    """Whether timm knows the architecture in `architecture.tag`, or the name is one of a model hub."""
    return name.startswith(("hf-hub:", "hf_hub:", "local-dir:")) or timm.is_model(name.split(".")[0])


def refuse_unless_plain_name(name: str) -> None:
    """Raise ValueError, before anything is built or fetched, where timm's architecture is no plain ViT.

    Names of a model hub pass: what they hold is only known once it is there.
    """
    if not timm.is_model(name.split(".")[0]):
        return
    module = _module(name)
    if module in PLAIN_MODULES:
        return
    reason = next((why for start, _, why in NOT_PLAIN if module.startswith(start)), "is another kind of network")
    raise ValueError(
        f"name={name!r} (timm.models.{module}) is not a plain ViT: it {reason}. The analyses need one grid of patches "
        f"and full attention between them in every block, as in timm's {', '.join(PLAIN_MODULES)}"
    )


def nearest_timm_names(name: str, count: int = 3) -> list[str]:
    """timm's names of plain ViTs that look like this one, nearest first."""
    known = [found for found in {*timm.list_models(), *timm.list_pretrained()} if _module(found) in PLAIN_MODULES]
    return difflib.get_close_matches(name, sorted(known), n=count, cutoff=0.6)


def _module(name: str) -> str:
    """Module of `timm.models` that defines an architecture."""
    return timm.model_entrypoint(name.split(".")[0]).__module__.rpartition(".")[2]
