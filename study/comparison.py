"""The same metrics for several models on the same images, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from torch import nn
from tqdm.auto import tqdm

from models import image_transform, measure

from .batches import batches
from .data import Images


def comparison(
    models: Mapping[str, nn.Module],
    images: Images,
    metrics: Mapping[str, Callable[..., Any]],
    *,
    batch_size: int = 16,
    workers: int = 0,
    progress: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Per-image values of all metrics for each model, each with its own preprocessing, in one pass of each.

    Args:
        models: by the names that figures show.
        images: of `open_images`.
        metrics: as for `models.measure`.
        batch_size: images in a batch; changes no number, except where a metric compares the images of a batch.
        workers: processes that read images; 0 reads in this one.
        progress: show a bar for each model.
        **options: of `models.measure`, such as `layers`.
    Returns:
        The table of `models.measure` with a column `model` in front.
    Raises:
        ValueError: no models, or what `models.measure` refuses.
    """
    if not models:
        raise ValueError("no models: pass {name: model}, for example {'moco': load_model('moco')}")
    tables = []
    for name, model in models.items():
        loader = batches(images, image_transform(model), batch_size=batch_size, workers=workers)
        bar = tqdm(loader, desc=name, unit="batch", disable=not progress)
        tables.append(measure(model, bar, metrics, progress=False, **options))
        tables[-1].insert(0, "model", name)
    return pd.concat(tables, ignore_index=True)
