"""I-JEPA (Assran et al. 2023, arXiv:2301.08243). Its files were not seen: this follows its training code."""

from ._family import Family, Format, Part

IJEPA = Family(
    name="ijepa",
    title="I-JEPA",
    formats=(
        Format(
            name="pre-training",
            parts=(
                Part("target_encoder", ("target_encoder",), ("module.", "")),
                Part("encoder", ("encoder",), ("module.", "")),
            ),
            marks=(r"pos_embed", r"blocks\.0\.attn\.qkv\.bias", r"norm\.weight"),
            absent=(r"cls_token",),
            note="no class token; features are the mean of the normed patch tokens",
        ),
    ),
    heads={(768, 12): 12, (1024, 24): 16, (1280, 32): 16, (1408, 40): 16},
    positions="bicubic",
    licence="CC-BY-NC-4.0",
)
