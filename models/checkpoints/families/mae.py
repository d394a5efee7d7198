"""MAE (He et al. 2022, arXiv:2111.06377): files of facebookresearch/mae."""

from ._family import Drop, Family, Format, Part

_WEIGHTS = (Part("encoder", ("model", "")),)
_NAMES = (r"cls_token", r"pos_embed", r"blocks\.0\.attn\.qkv\.bias")

MAE = Family(
    name="mae",
    title="MAE",
    formats=(
        Format(
            name="pre-training with decoder",
            parts=_WEIGHTS,
            marks=(*_NAMES, r"decoder_blocks\.0\.norm1\.weight", r"decoder_pred\.weight", r"norm\.weight"),
            drops=(
                Drop(r"decoder_.*", "decoder; load_decoder builds it"),
                Drop(r"mask_token", "belongs to the decoder and has its width"),
            ),
            note="weights named `visualize` were trained on un-normalised pixels: not those of `pretrain`",
        ),
        Format(
            name="fine-tuned",
            parts=_WEIGHTS,
            marks=(*_NAMES, r"fc_norm\.weight", r"head\.weight"),
            absent=(r"norm\.weight", r"reg_token", r"dist_token", r".*\.gamma"),
            evidence=(r"model",),
            saw_labels=True,
            note="expects the mean of the un-normed patch tokens, then fc_norm",
        ),
        Format(
            name="pre-training",
            parts=_WEIGHTS,
            marks=(*_NAMES, r"norm\.weight"),
            absent=(r"head\..*", r"reg_token", r"dist_token", r".*\.gamma"),
            evidence=(r"model",),
        ),
    ),
    heads={(768, 12): 12, (1024, 24): 16, (1280, 32): 16},
    positions="bicubic",
    licence="CC-BY-NC-4.0",
)
