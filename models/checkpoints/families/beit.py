"""BEiT (Bao et al. 2022, arXiv:2106.08254), BEiT v2 (Peng et al. 2022, arXiv:2208.06366): microsoft/unilm."""

import dataclasses

from ...weights.normalisation import HALF
from ._family import INDEX, Drop, Family, Format, Part

_WEIGHTS = (Part("model", ("model", "module", "")),)

_PRETRAINED = Format(
    name="pre-training",
    parts=_WEIGHTS,
    marks=(r"rel_pos_bias\.relative_position_bias_table", r"blocks\.0\.attn\.q_bias", r"norm\.weight"),
    evidence=(r"lm_head\.weight",),
    drops=(
        INDEX,
        Drop(r"mask_token", "stands for masked patches; no image is masked here"),
        Drop(r"lm_head\..*", "classifier of visual tokens"),
        Drop(r"cls_pt_.*", "extra layers that pre-train the class token (v2)"),
    ),
)
_FINE_TUNED = Format(
    name="fine-tuned",
    parts=_WEIGHTS,
    marks=(
        r"blocks\.0\.attn\.relative_position_bias_table",
        r"blocks\.0\.attn\.q_bias",
        r"fc_norm\.weight",
        r"head\.weight",
    ),
    drops=(INDEX,),
    saw_labels=True,
    note="the keys do not tell v1 (mean and std 0.5) from v2 (ImageNet's): load_model(path, family='beitv2') reads v2",
)

BEIT = Family(
    name="beit",
    title="BEiT",
    formats=(_PRETRAINED, _FINE_TUNED),
    heads={(768, 12): 12, (1024, 24): 16},
    licence="MIT",
    mean=HALF,
    std=HALF,
)
BEITV2 = Family(
    name="beitv2",
    title="BEiT v2",
    formats=(
        dataclasses.replace(_PRETRAINED, evidence=(r"cls_pt_layers\..*",)),
        # Never found by its keys, only when the caller names the family: v1's look the same.
        dataclasses.replace(_FINE_TUNED, evidence=(r"cls_pt_layers\..*",), note=""),
    ),
    heads=BEIT.heads,
    licence="MIT",
)
