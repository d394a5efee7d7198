"""MoCo-v3 (Chen et al. 2021, arXiv:2104.02057): files of facebookresearch/moco-v3."""

from ._family import INDEX, Drop, Family, Format, Part

# Convolution and normalisation j of the stem are entries 3j and 3j + 1 of the official Sequential.
_STEM = tuple(
    rename
    for j in range(5)
    for rename in (
        (rf"patch_embed\.proj\.{3 * j}\.(.*)", rf"patch_embed.backbone.{j}.conv.\1"),
        (rf"patch_embed\.proj\.{3 * j + 1}\.(.*)", rf"patch_embed.backbone.{j}.bn.\1"),
    )
)

_PARTS = (
    Part("base_encoder", ("state_dict",), ("module.base_encoder.", "base_encoder.")),
    Part("momentum_encoder", ("state_dict",), ("module.momentum_encoder.", "momentum_encoder.")),
)
_HEADS = (
    Drop(r"(module\.)?(base|momentum)_encoder\.head\..*", "projector, not used in evaluation"),
    Drop(r"(module\.)?predictor\..*", "predictor of the contrastive loss"),
)

MOCOV3 = Family(
    name="mocov3",
    title="MoCo-v3",
    formats=(
        Format(
            name="pre-training",
            parts=_PARTS,
            marks=(r"cls_token", r"pos_embed", r"blocks\.0\.attn\.qkv\.bias"),
            drops=_HEADS,
            renames=_STEM,
        ),
        Format(
            name="pre-training, relative positions",
            parts=_PARTS,
            marks=(r"cls_token", r"blocks\.0\.attn\.q_bias"),
            drops=(INDEX, *_HEADS),
        ),
        Format(
            name="linear probe",
            parts=(Part("linear", ("state_dict",), ("module.", "")),),
            marks=(r"cls_token", r"pos_embed", r"blocks\.0\.attn\.qkv\.bias", r"head\.weight"),
            evidence=(r"arch", r"best_acc1"),
            renames=_STEM,
            saw_labels=True,
            note="the backbone was frozen: only the head saw labels",
        ),
    ),
    # MoCo-v3's ViT-S has 12 heads of 32, timm's and DINO's 6 of 64. The ConvStem models have 11 blocks.
    heads={(384, 12): 12, (384, 11): 12, (768, 12): 12, (768, 11): 12},
    licence="CC-BY-NC-4.0",
    interpolation="bilinear",
)
