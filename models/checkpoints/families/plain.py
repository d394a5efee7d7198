"""State dicts with the names of timm's `VisionTransformer`, whoever trained them (safetensors or torch)."""

from ._family import INDEX, NAMED, Family, Format, Part

_PARTS = (
    Part("model", ("", "state_dict", "model"), ("", "module.")),
    Part("ema", ("state_dict_ema", "model_ema"), ("", "module.")),
)
_NAMES = (
    r"pos_embed",
    r"blocks\.0\.norm1\.weight",
    r"blocks\.0\.attn\.qkv\.weight",
    r"blocks\.0\.mlp\.fc1\.weight",
)
_RELATIVE = (r".*relative_position_bias_table", r"blocks\.0\.attn\.qkv\.weight", r"(fc_)?norm\.weight")
_OTHERS = (r"mask_token", r"register_tokens")

PLAIN = Family(
    name="timm",
    title="ViT",
    formats=(
        Format(
            name="with classifier",
            parts=_PARTS,
            marks=(*_NAMES, r"head\.weight"),
            absent=_OTHERS,
            saw_labels=True,
        ),
        Format(
            name="without classifier",
            parts=_PARTS,
            marks=_NAMES,
            absent=(r"head\..*", *_OTHERS),
            saw_labels=None,
            note="the file does not say who trained it: mean and std are assumed to be ImageNet's",
        ),
        Format(
            name="relative positions, with classifier",
            parts=_PARTS,
            marks=(*_RELATIVE, r"head\.weight"),
            absent=_OTHERS,
            evidence=NAMED,  # SimMIM's and BEiT's have the same keys
            drops=(INDEX,),
            saw_labels=True,
        ),
        Format(
            name="relative positions, without classifier",
            parts=_PARTS,
            marks=_RELATIVE,
            absent=(r"head\..*", r"lm_head\..*", *_OTHERS),
            evidence=NAMED,
            drops=(INDEX,),
            saw_labels=None,
        ),
    ),
    heads={
        (192, 12): 3,
        (384, 12): 6,
        (768, 12): 12,
        (1024, 24): 16,
        (1280, 32): 16,
        (1408, 40): 16,
        (1664, 48): 16,
    },
)
