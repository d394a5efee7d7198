"""SimMIM (Xie et al. 2022, arXiv:2111.09886): the ViT files of microsoft/SimMIM."""

from ._family import INDEX, Drop, Family, Format, Part

_MASKING = (
    Drop(r"(module\.)?encoder\.mask_token", "stands for masked patches; no image is masked here"),
    Drop(r"(module\.)?decoder\..*", "reconstruction head, one linear layer"),
)

SIMMIM = Family(
    name="simmim",
    title="SimMIM",
    formats=(
        Format(
            name="pre-training",
            parts=(Part("encoder", ("model", ""), ("encoder.", "module.encoder.")),),
            marks=(r"cls_token", r"rel_pos_bias\.relative_position_bias_table", r"blocks\.0\.attn\.q_bias"),
            absent=(r"(momentum_encoder|projector|predictor)\..*",),
            drops=(INDEX, *_MASKING),
        ),
        Format(
            name="pre-training, other positions",
            parts=(Part("encoder", ("model",), ("encoder.",)),),
            marks=(r"mask_token", r"blocks\.0\.attn\.qkv\.weight"),
            absent=(r"(momentum_encoder|projector|predictor)\..*",),
            drops=(INDEX, *_MASKING),
            note="SimMIM's objective on another ViT than the published one",
        ),
        Format(
            name="fine-tuned",
            parts=(Part("model", ("model", "")),),
            marks=(r"blocks\.0\.attn\.relative_position_bias_table", r"fc_norm\.weight", r"head\.weight"),
            evidence=(r"config", r"max_accuracy"),
            drops=(INDEX,),
            saw_labels=True,
        ),
        Format(
            name="encoder saved alone",
            parts=(Part("encoder", ("model", "")),),
            marks=(r"rel_pos_bias\.relative_position_bias_table", r"norm\.weight"),
            absent=(r"lm_head\..*",),
            evidence=(r"config", r"max_accuracy"),
            drops=(INDEX, Drop(r"mask_token", "stands for masked patches; no image is masked here")),
        ),
    ),
    heads={(768, 12): 12},
    licence="MIT",
)
