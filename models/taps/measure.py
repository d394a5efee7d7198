"""Per-image statistics of every layer in one forward pass, with memory that does not grow with the images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ..layout import TokenLayout, seen_layout
from ._attention import AttentionBlock, Budget, Place
from ._blocks import chosen_layers, transformer_blocks
from ._forward import Forward, require_seen
from ._metric import Metric, Values
from ._watch import watching

COLUMNS = ("depth", "head", "image", "metric", "component", "convention", "value")


def measure(
    model: nn.Module,
    batches: Iterable[Any],
    metrics: Mapping[str, Callable[..., Any]],
    *,
    layers: Iterable[int] | int | None = None,
    blocks: Sequence[nn.Module] | None = None,
    layout: TokenLayout | None = None,
    budget_mib: float | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Values of all metrics for each image, layer and head, from one forward pass per image.

        measure(model, batches, {"distance": ops.attention_distance, "similarity": ops.token_similarity})

    A metric is a plain function; the names of its parameters say what it is given: `attention` (batch head query key),
    or any of `queries`, `keys`, `values`, `head_outputs` (batch head token channel), `before`, `branch`, `after`,
    `tokens` or `features` (batch token channel: the stream entering the block, the attention branch, the stream after
    attention, and twice the block's output); `grid`, `patch_size`, `prefix` and `class_tokens` are filled in. A
    function with a `prefix` parameter gets all tokens, one without gets the patch tokens; attention is always complete.
    It returns (batch), (batch value) or a dict of these, whose names become metrics (as `metric.name` where two metrics
    return the same name). Options are bound with `functools.partial`. Functions of `tokens` alone are measured on the
    embedding too, as depth 0.

    Args:
        model: as for `tap`, in eval mode.
        batches: images (batch 3 height width), or tuples that begin with them; moved to the model's device and type.
        metrics: {name: function}.
        layers: counted from 0; all by default.
        blocks, layout: for one's own ViT, as for `tap`.
        budget_mib: memory that attention may take beyond the plain forward, in MiB; by default 64 on a CPU and 2048 on
            a GPU. Metrics that add up over queries (distance, NMI, entropy, class statistics) are computed a block of
            queries at a time where one image does not fit; other functions of attention get whole images.
        progress: show a bar, in batches.
    Returns:
        One row per value, columns depth (layer + 1; 0 = embedding), head (-1 where there is none), image (counted over
        all batches), metric, component (-1 where there is only one), convention, value (float64).
    Raises:
        ValueError: no images or none that a model takes, no metrics, a metric that asks for what a layer does not have
            or whose values depend on the batches, a model in train mode or one that `tap` refuses, a budget that is not
            above 0.
    """
    if budget_mib is not None and not budget_mib > 0:
        raise ValueError(f"budget_mib={budget_mib}; expected MiB above 0, or None to choose by device")
    read = _metrics(metrics)
    stack = transformer_blocks(model, blocks)
    if model.training:
        raise ValueError("the model is in train mode, where dropout and stochastic depth are random: call model.eval()")
    if isinstance(batches, Tensor):
        raise ValueError(f"batches= is one tensor {tuple(batches.shape)}: pass a list of batches, such as [images]")
    chosen = chosen_layers(layers, len(stack))
    parameter = next(model.parameters())
    additive = all(metric.over_queries for metric in read if metric.of_attention)
    budget = Budget.within(budget_mib, parameter.device, split_images=additive)
    sink = _Measurements(read, budget, lambda size, tokens: seen_layout(model, layout, size, tokens))
    forward = Forward(chosen, sink)
    with torch.inference_mode(), watching(model, stack, forward):
        for batch in tqdm(batches, desc="images", unit="batch", disable=not progress):
            images = _images(batch)
            model(images.to(parameter.device, parameter.dtype, non_blocking=True))
            sink.end_of_batch(len(images))
    if sink.images == 0:
        raise ValueError("no images: batches= was empty (an iterator that was used up before?)")
    require_seen(forward, chosen)
    return sink.table()


def _metrics(metrics: Mapping[str, Callable[..., Any]]) -> list[Metric]:
    if not isinstance(metrics, Mapping) or not metrics:
        found = "none" if isinstance(metrics, Mapping) else f"a {type(metrics).__name__}"
        raise ValueError(f"no metrics ({found} given): pass {{name: function}}, such as {{'nmi': ops.attention_nmi}}")
    return [Metric.of(name, function) for name, function in metrics.items()]


def _images(batch: Any) -> Tensor:
    """The images of a batch, which may be a tuple that begins with them."""
    images = batch[0] if isinstance(batch, tuple | list) and batch else batch
    if not isinstance(images, Tensor):
        raise ValueError(
            f"a batch holds a {type(images).__name__}; expected a tensor (batch 3 height width), or a tuple that "
            "begins with one (of a dict of transformers' processors: its 'pixel_values')"
        )
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(
            f"a batch holds images of shape {tuple(images.shape)} and type {images.dtype}; expected floating point "
            "numbers (batch 3 height width), normalised as the model was trained: image_transform(model) does it"
        )
    return images


class _Key(NamedTuple):
    """Whose values these are: the caller's metric, and the name in what it returned."""

    metric: str
    name: str
    convention: str
    depth: int


class _Measurements:
    """The sink of `measure`: turns what passes into per-image values at once."""

    def __init__(
        self,
        metrics: Sequence[Metric],
        budget: Budget,
        layout_of: Callable[[tuple[int, int] | None, int], TokenLayout],
    ) -> None:
        self.images = 0
        self.points = frozenset().union(*(metric.points for metric in metrics))
        if any(metric.of_embedding for metric in metrics):
            self.points |= {"embedding"}
        self._of_attention = [metric for metric in metrics if metric.of_attention]
        self._of_tokens = [metric for metric in metrics if not metric.of_attention]
        self.budget = budget
        self._layout_of = layout_of
        self._layout: TokenLayout | None = None
        self._tensors: dict[str, Tensor] = {}
        self._sums: dict[tuple[str, int], Tensor] = {}  # over the queries so far, by metric and first head
        self._heads: dict[str, list[Tensor]] = defaultdict(list)  # the complete sums of the heads before
        self._chunks: dict[_Key, list[Tensor]] = defaultdict(list)
        self._results: dict[_Key, list[Tensor]] = defaultdict(list)
        self._across_images = [metric.name for metric in metrics if metric.across_images]
        self._per_head = {metric.name for metric in metrics if metric.of_attention}

    @property
    def layout(self) -> TokenLayout:
        if self._layout is None:
            raise RuntimeError("tokens came before the forward pass began")
        return self._layout

    def start(self, image_size: tuple[int, int] | None, tokens: int) -> None:
        self._layout = self._layout_of(image_size, tokens)

    def read(self, block: AttentionBlock) -> list[Values]:
        """Of each metric of attention: what these rows add to it, or its values."""
        return [
            metric.value({"attention": block.weights}, self.layout)
            if metric.over_queries is None
            else metric.sums(block, self.layout).clone()  # the block that it may be a view of is written over
            for metric in self._of_attention
        ]

    def attention(self, layer: int, place: Place, found: Sequence[Values]) -> None:
        for metric, values in zip(self._of_attention, found, strict=True):
            if isinstance(values, Tensor):
                self._add(layer + 1, metric, place, values)
            else:
                self._keep(layer + 1, metric, values)

    def _add(self, depth: int, metric: Metric, place: Place, sums: Tensor) -> None:
        key = metric.name, place.heads.start
        if not place.first_of_heads:
            sums = self._sums.pop(key) + sums
        if not place.last_of_heads:
            self._sums[key] = sums.to(torch.float64)
            return
        heads = self._heads[metric.name]
        heads.append(sums)
        if place.last_of_images:
            self._keep(depth, metric, metric.finished(torch.cat(heads, 1), self.layout))
            heads.clear()

    def tokens(self, layer: int, point: str, value: Tensor) -> None:
        if point == "embedding":
            self._measure(0, {"after_mlp": value}, [metric for metric in self._of_tokens if metric.of_embedding])
        else:
            self._tensors[point] = value

    def done(self, layer: int) -> None:
        self._measure(layer + 1, self._tensors, self._of_tokens)
        self._tensors.clear()

    def _measure(self, depth: int, tensors: Mapping[str, Tensor], metrics: Sequence[Metric]) -> None:
        """All metrics of some images, then of the next, so that the tensors stay near the processor meanwhile."""
        if not metrics:
            return
        for images in self.budget.runs(list(tensors.values()), split=not self._across_images):
            part = {point: tensor[images] for point, tensor in tensors.items()}
            for metric in metrics:
                self._keep(depth, metric, metric.value(part, self.layout))

    def end_of_batch(self, images: int) -> None:
        """Move this batch's values off the device, all at once."""
        if self.images and self._across_images:
            raise ValueError(
                f"metrics {self._across_images} compare the images of a batch with each other, so their values would "
                "depend on how the images are split: give all images as one batch (for streams: ops.Covariance)"
            )
        self.images += images
        for key, chunks in self._chunks.items():
            self._results[key].append(torch.cat(chunks).double().cpu())
        self._chunks.clear()

    def _keep(self, depth: int, metric: Metric, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._chunks[_Key(metric.name, name, metric.convention, depth)].append(value.clone())

    def table(self) -> pd.DataFrame:
        owners: dict[str, set[str]] = defaultdict(set)
        for key in self._results:
            owners[key.name].add(key.metric)
        frames, names, conventions = [], [], []
        for key, values in self._results.items():
            frames.append(_rows(torch.cat(values).numpy(), key.depth, per_head=key.metric in self._per_head))
            name = key.name if len(owners[key.name]) == 1 else f"{key.metric}.{key.name}"
            names += [name] * len(frames[-1])
            conventions += [key.convention] * len(frames[-1])
        table = pd.concat(frames, ignore_index=True)
        table["metric"] = pd.Categorical(names, categories=list(dict.fromkeys(names)))
        table["convention"] = pd.Categorical(conventions, categories=list(dict.fromkeys(conventions)))
        return table.reindex(columns=list(COLUMNS))


def _rows(values: np.ndarray, depth: int, *, per_head: bool) -> pd.DataFrame:
    images, width = values.shape[0], values.reshape(len(values), -1).shape[1]
    index = np.tile(np.arange(width, dtype=np.int16) if values.ndim == 2 else np.int16(-1), images)
    none = np.full(images * width, -1, dtype=np.int16)
    return pd.DataFrame(
        {
            "depth": np.full(images * width, depth, dtype=np.int16),
            "head": index if per_head else none,
            "image": np.repeat(np.arange(images, dtype=np.int32), width),
            "component": none if per_head else index,
            "value": values.ravel(),
        }
    )
