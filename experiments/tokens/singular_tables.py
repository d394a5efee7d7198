"""The tables of singular spectra, from what one pass of a model kept of its depths."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

import ops
from study.record import COLUMNS

from .spectra import DepthSpectra


def all_ranks(depths: Sequence[DepthSpectra], levels: Sequence[str]) -> pd.DataFrame:
    """All ranks of all depths; what rounding leaves is not in it."""
    tables = []
    for level in levels:
        embedding = depths[0].images() if level == "images" else None
        for depth, one in enumerate(depths):
            values, relative = one.tokens() if embedding is None else _beside(one.images(), embedding)
            rows = pd.DataFrame({"level": level, "depth": depth, "rank": range(1, len(values) + 1)})
            tables.append(rows.assign(value=values.numpy(), relative=relative.numpy()))
    return pd.concat(tables, ignore_index=True).dropna(subset="value")


def over_depth(
    depths: Sequence[DepthSpectra], spectra: pd.DataFrame, ranks: Mapping[str, Sequence[int]]
) -> pd.DataFrame:
    """The shown ranks over depth, with 95 % intervals of the values and of their differences to depth 0.

    Args:
        depths: of one pass.
        spectra: of `all_ranks`.
        ranks: shown of each level.
    """
    known = spectra.set_index(["level", "depth", "rank"])
    tables = []
    for level, shown in ranks.items():
        parts = torch.stack([_parts(one, level, shown) for one in depths], dim=1)  # (image or group) depth rank
        index = pd.MultiIndex.from_product([[level], range(len(depths)), shown], names=known.index.names)
        rows = known.reindex(index)
        for column, own in (("value", parts), ("relative", parts - parts[:, :1])):
            ends = _intervals(level, torch.tensor(rows[column].to_numpy()), own.flatten(1))
            rows[f"{column}_low"], rows[f"{column}_high"] = (end.numpy() for end in ends)
        tables.append(rows.dropna(subset="value").reset_index())
    return pd.concat(tables, ignore_index=True).rename(columns={"value_low": "low", "value_high": "high"})


def per_image(depths: Sequence[DepthSpectra], ranks: Sequence[int]) -> pd.DataFrame:
    """Token-level values in the columns of `study.record`; the rank is the component."""
    tables = []
    for depth, column in itertools.product(range(len(depths)), range(len(ranks))):
        values = depths[depth].per_image()[:, column].numpy()
        tables.append(pd.DataFrame({"depth": depth, "image": range(len(values)), "value": values}))
        tables[-1]["component"] = ranks[column]
    table = pd.concat(tables, ignore_index=True).dropna(subset="value")
    return table.assign(head=-1, metric="log_singular_value", convention="").reindex(columns=COLUMNS[1:])


def _beside(values: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
    return values, values - embedding


def _parts(depth: DepthSpectra, level: str, ranks: Sequence[int]) -> Tensor:
    """What an interval is made of: values of each image, or of all images without each group; a column a rank."""
    if level == "tokens":
        return depth.per_image()
    spectra = depth.images_without_each_group()
    lacking = max(0, max(ranks) - spectra.shape[1])
    return torch.nn.functional.pad(spectra, (0, lacking), value=torch.nan)[:, [rank - 1 for rank in ranks]]


def _intervals(level: str, values: Tensor, parts: Tensor) -> tuple[Tensor, Tensor]:
    """Of each column: bootstrap over images at the token level, jackknife over groups of them at the image level."""
    if len(parts) < 2:
        return torch.full_like(values, torch.nan), torch.full_like(values, torch.nan)
    if level == "images":
        return ops.jackknife_interval(values, without=parts)
    low, high = torch.full_like(values, torch.nan), torch.full_like(values, torch.nan)
    whole = parts.isfinite().all(dim=0)
    if whole.any():
        low[whole], high[whole] = ops.bootstrap_interval(parts[:, whole])
    for column in (~whole).nonzero().flatten().tolist():
        known = parts[parts[:, column].isfinite(), column]
        if values[column].isfinite() and len(known) > 1:
            low[column], high[column] = ops.bootstrap_interval(known)
    return low, high
