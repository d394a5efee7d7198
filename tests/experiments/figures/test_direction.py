"""The sentence on a pair of models, which can come out either way."""

import pandas as pd

from experiments.figures.direction import HIGHER, direction


def summary(simmim: str = "mini-simmim", moco: str = "mini-moco", sign: int = 1) -> pd.DataFrame:
    """MoCo at 0; SimMIM above it where the paper has it so, everywhere else below."""
    rows = []
    for metric, (higher, _, _) in HIGHER.items():
        gap = sign if higher == "simmim" else -sign
        for depth in range(9):
            rows += [(moco, metric, depth, 0.0), (simmim, metric, depth, float(gap))]
    return pd.DataFrame(rows, columns=["model", "metric", "depth", "mean"])


def test_all_and_nothing():
    assert direction(summary()) == (
        "mini-moco and mini-simmim differ as the paper's models do in: attention distance at 4 of 4 late depths, NMI "
        "at 4 of 4 late depths, token similarity at 4 of 4 late depths, Δ log amplitude at 9 of 9 depths."
    )
    assert direction(summary(sign=-1)).count(" 0 of ") == 4


def test_swapped_models_change_the_answer():
    swapped = summary().replace({"mini-moco": "mini-simmim", "mini-simmim": "mini-moco"})
    assert direction(swapped).count(" 0 of ") == 4


def test_no_pair_no_sentence():
    assert direction(summary(simmim="dino")) == "" and direction(summary(moco="simmim")) == ""
