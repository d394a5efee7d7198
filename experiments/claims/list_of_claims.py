"""The statements of both papers that can be tried on a contrastive and a masked model."""

from __future__ import annotations

import pandas as pd

from .claim import BEYOND, PARK, Claim
from .statistics import (
    early,
    everywhere_higher_in_mim,
    falls_more_in_cl,
    gain_of_choosing,
    higher_in_cl,
    higher_in_mim,
    last,
    probe_gain,
    rises_more_in_cl,
    trained_gap,
)

LINEAR, KNN = "linear", "knn"


def _last(rows: pd.DataFrame) -> tuple[int, int]:
    return rows.index[-1], rows.index[-1]


def _last_and_middle(rows: pd.DataFrame) -> tuple[int, int]:
    return rows.index[-1], rows.index[len(rows) // 2]


def _best_inside_and_last(rows: pd.DataFrame) -> tuple[int, int]:
    return rows["value"].iloc[:-1].idxmax(), rows.index[-1]


def _first_quarter(rows: pd.DataFrame) -> tuple[int, int]:
    return rows.index[len(rows) // 4], rows.index[len(rows) // 4]


CLAIMS = (
    Claim(
        "distance-late",
        "CL looks farther than MIM in the late layers",
        "mean over the second half of the depths: distance(CL) - distance(MIM), px",
        f"{PARK}, fig. 3",
        higher_in_cl("distance"),
    ),
    Claim(
        "distance-rises",
        "From the early to the late layers CL looks farther and farther, more so than MIM",
        "second - first half of the depths: distance(CL) - the same of MIM, px",
        f"{PARK}, fig. 3",
        rises_more_in_cl("distance"),
    ),
    Claim(
        "distance-early",
        "MIM looks less far than CL already in the early layers",
        "mean over the first half of the depths: distance(CL) - distance(MIM), px",
        f"{PARK}, fig. 3",
        higher_in_cl("distance", early),
    ),
    Claim(
        "nmi-late",
        "MIM's attention depends on the query in the late layers, CL's does not",
        "mean over the second half: NMI(MIM) - NMI(CL)",
        f"{PARK}, fig. 4",
        higher_in_mim("nmi"),
    ),
    Claim(
        "nmi-collapses",
        "From the early to the late layers CL's attention becomes alike for every query, MIM's does not",
        "first - second half of the depths: NMI(CL) - the same of MIM",
        f"{PARK}, fig. 4",
        falls_more_in_cl("nmi"),
    ),
    Claim(
        "nmi-last",
        "At the last layer MIM's attention depends more on the query than CL's",
        "last depth: NMI(MIM) - NMI(CL)",
        f"{PARK}, fig. 4",
        higher_in_mim("nmi", last),
    ),
    Claim(
        "heads-alike",
        "Heads are more alike in CL in the late layers",
        "second half: cosine between heads' outputs, CL - MIM",
        f"{PARK}, fig. 5 left",
        higher_in_cl("heads"),
    ),
    Claim(
        "depths-alike",
        "Representations before and after attention are more alike in CL in the late layers",
        "second half: cosine of the stream before and after attention, CL - MIM",
        f"{PARK}, fig. 5 middle",
        higher_in_cl("depths"),
    ),
    Claim(
        "tokens-alike-in-heads",
        "Tokens are more alike in CL in the late layers (heads' outputs)",
        "second half: cosine between patches, heads side by side, CL - MIM",
        f"{PARK}, fig. 5 right",
        higher_in_cl("tokens_of_heads"),
    ),
    Claim(
        "tokens-alike-after-attention",
        "Tokens are more alike in CL in the late layers (stream after attention)",
        "second half: cosine between patches, CL - MIM",
        f"{PARK}, fig. 5 right",
        higher_in_cl("tokens_after_attention"),
    ),
    Claim(
        "tokens-alike-in-blocks",
        "Tokens are more alike in CL in the late layers (block outputs)",
        "second half: cosine between patches, CL - MIM",
        f"{PARK}, fig. 5 right",
        higher_in_cl("tokens_of_block"),
    ),
    Claim(
        "high-frequencies-everywhere",
        "MIM keeps more of the high frequencies than CL at every depth",
        "smallest over depths: delta log amplitude(MIM) - delta log amplitude(CL), nats",
        f"{PARK}, fig. 8",
        everywhere_higher_in_mim("delta_log_amplitude"),
    ),
    Claim(
        "high-frequencies-late",
        "MIM keeps more of the high frequencies than CL in the late layers",
        "second half: delta log amplitude(MIM) - delta log amplitude(CL), nats",
        f"{PARK}, fig. 8",
        higher_in_mim("delta_log_amplitude"),
    ),
    Claim(
        "class-token-to-itself",
        "MIM's class token attends more to itself than CL's",
        "second half: attention of the class token to itself, MIM - CL",
        f"{BEYOND}, attention statistics",
        higher_in_mim("cls_cls_attention"),
    ),
    Claim(
        "class-token-unselective",
        "MIM's class token spreads its attention more evenly over the patches than CL's",
        "second half: entropy of the class token over patches, MIM - CL, nats",
        f"{BEYOND}, attention statistics",
        higher_in_mim("cls_pos_entropy"),
    ),
    Claim(
        "probe-last",
        "CL's representations are better separated linearly at the last layer",
        "linear probe on the class token, last layer: CL - MIM, points",
        f"{PARK}, fig. 1 and 10",
        probe_gain(("cl", LINEAR, "class_token"), ("mim", LINEAR, "class_token"), _last),
    ),
    Claim(
        "probe-rises",
        "CL's probe rises to the last layer",
        "linear probe on the mean of patches of CL: last layer - middle layer, points",
        f"{PARK}, fig. 10",
        probe_gain(("cl", LINEAR, "patches"), ("cl", LINEAR, "patches"), _last_and_middle),
    ),
    Claim(
        "probe-peaks-inside",
        "MIM's probe is best before the last layer",
        "linear probe on the mean of patches of MIM: best layer before the last - last layer, points",
        f"{PARK}, fig. 10",
        probe_gain(("mim", LINEAR, "patches"), ("mim", LINEAR, "patches"), _best_inside_and_last),
    ),
    Claim(
        "probe-early",
        "MIM's early layers know more than CL's",
        "linear probe on the mean of patches after a quarter of the layers: MIM - CL, points",
        f"{PARK}, fig. 10",
        probe_gain(("mim", LINEAR, "patches"), ("cl", LINEAR, "patches"), _first_quarter),
    ),
    Claim(
        "neighbours-last",
        "CL's class token finds neighbours of its own class more often",
        "k-NN on the class token, last layer: CL - MIM, points",
        "not of the two papers: k-NN of published weights in billpsomas/efficient-probing",
        probe_gain(("cl", KNN, "class_token"), ("mim", KNN, "class_token"), _last),
    ),
    Claim(
        "choosing-gains",
        "Choosing among patches gains more over the class token in MIM than in CL",
        "last layer: (AbMILP - linear probe on the class token)(MIM) - the same(CL), points",
        f"{BEYOND}, fig. 1",
        gain_of_choosing("abmilp", "class_token"),
    ),
    Claim(
        "fine-tuning",
        "MIM is better than CL when fine-tuned",
        "fine-tuned accuracy: MIM - CL, points",
        f"{PARK}, fig. 1",
        trained_gap("finetune", "accuracy", more="mim"),
    ),
    Claim(
        "high-frequency-noise",
        "MIM loses more to noise of high frequency than CL",
        "accuracy lost to noise in the highest band, linear probe on the mean of patches, last layer: MIM - CL, points",
        f"{PARK}, fig. 9",
        trained_gap("frequency-noise", r"accuracy_drop@.*", more="mim", pooling="patches", last=True),
    ),
    Claim(
        "shifted-textures",
        "CL keeps more of its accuracy than MIM when textures are other ones",
        "accuracy on shifted over that on clean images, probe on the mean of patches, last layer: CL - MIM, points",
        f"{PARK}, fig. 9 (there on Stylized ImageNet; here on what `probing shifted` was given)",
        trained_gap("shifted", "relative_accuracy", more="cl", pooling="patches", last=True),
    ),
    Claim(
        "shape-bias",
        "CL decides by shape more often than MIM",
        "share of decisions for the shape on cue-conflict images: CL - MIM, points",
        f"{PARK}, fig. 9",
        trained_gap("shape-bias", "shape_bias", more="cl"),
    ),
)
"""In the order of the table."""
