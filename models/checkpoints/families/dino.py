"""DINO (Caron et al. 2021, arXiv:2104.14294); iBOT (Zhou et al. 2022, arXiv:2111.07832) saves like it.

iBOT's files have not been seen: what stands here follows from its public training code.
"""

from ._family import Drop, Family, Format, Part
from .plain import PLAIN

_PREFIXES = ("module.backbone.", "backbone.", "module.", "")
_NETWORKS = (Part("teacher", ("teacher",), _PREFIXES), Part("student", ("student",), _PREFIXES))
_NAMES = (r"cls_token", r"pos_embed", r"blocks\.0\.attn\.qkv\.bias", r"norm\.weight")
_HEAD = Drop(r"(module\.)?head\..*", "projection head of the self-distillation loss")
_HEADS = {(384, 12): 6, (768, 12): 12}

DINO = Family(
    name="dino",
    title="DINO",
    formats=(
        Format(name="full", parts=_NETWORKS, marks=_NAMES, drops=(_HEAD,)),
        Format(
            name="backbone",
            parts=(Part("teacher", ("",)),),
            marks=_NAMES,
            absent=(r"head\..*", r"reg_token", r"dist_token", r".*\.gamma", r"norm_pre\..*"),
            evidence=(r"container:torch",),
            saw_labels=None,
            proven=False,
            note="whoever saves a ViT without its classifier writes the keys of DINO's backbone files: who trained "
            "this one, with or without labels, is not known; it is read as DINO's code reads it",
        ),
    ),
    heads={**PLAIN.heads, **_HEADS},
    positions="scale_factor",
    licence="Apache-2.0",
)

_MASK = Drop(r"(module\.)?(backbone\.)?masked_embed", "stands for masked patches; no image is masked here")

IBOT = Family(
    name="ibot",
    title="iBOT",
    formats=(
        Format(
            name="full",
            parts=_NETWORKS,
            marks=_NAMES,
            evidence=(r"ibot_loss|masked_embed",),
            drops=(_HEAD, _MASK),
        ),
        Format(
            name="backbone",
            parts=(Part("teacher", ("state_dict", ""), _PREFIXES),),
            marks=_NAMES,
            evidence=(r"masked_embed",),
            drops=(_HEAD, _MASK),
        ),
    ),
    heads={**_HEADS, (1024, 24): 16},
    positions="scale_factor",
    licence="Apache-2.0",
)
