"""Results that have a panel for each kind of classifier: probes on class token and patches, and fine-tuned models."""

from __future__ import annotations

import pandas as pd

ORDER = [("linear", "patches"), ("linear", "class_token"), ("classifier", "-")]
TITLES = {
    ("linear", "patches"): "Linear probe, mean of patches",
    ("linear", "class_token"): "Linear probe, class token",
    ("classifier", "-"): "The model's own classifier",
}


def pooled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the classifiers that are shown, of the last layer of each model."""
    kinds = pd.MultiIndex.from_frame(rows[["head", "pooling"]])
    shown = rows[kinds.isin(ORDER)]
    last = shown.groupby(["model", "head"])["layer"].transform("max")
    return shown[shown["layer"] == last].reset_index(drop=True)


def panels_of_heads(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows of one panel after the other, those without rows left out."""
    parts = [rows[(rows["head"] == head) & (rows["pooling"] == pooling)] for head, pooling in ORDER]
    return [part for part in parts if not part.empty]


def title_of(rows: pd.DataFrame) -> str:
    """Of a panel: which classifier, on which layer."""
    first, layers = rows.iloc[0], rows.groupby("model")["layer"].max()
    where = f"layer {layers.iloc[0]}" if layers.nunique() == 1 else "last layer of each"
    return f"{TITLES[first['head'], first['pooling']]}, {where}"


def clean_in_words(rows: pd.DataFrame) -> list[str]:
    """A sentence for each panel: accuracy without noise or shift."""
    clean = rows[rows["metric"] == "accuracy"]
    return [
        f"{title_of(part)}, clean: "
        + ", ".join(f"{model} {100 * value:.1f} %" for model, value in zip(part["model"], part["value"]))
        + "."
        for part in panels_of_heads(clean)
    ]
