"""What a run was asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

DEFAULT_MODELS = ("mini-moco", "mini-simmim", "mini-random")
DTYPES = ("float32", "bfloat16", "float16")
CONVENTIONS = ("park2023", "exact")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Options of `python -m experiments run`.

    Attributes:
        models: names that `models.load_model` takes.
        num_heads: of checkpoint files whose size was never published; None where the file or its size tells it.
        data: what `study.open_images` takes.
        images: how many of them, evenly spaced over the sorted list; None for all.
        labels: file with the class of each image.
        device: auto, cpu, cuda or cuda:N; auto takes the GPU where there is one.
        dtype: of weights and images.
        out: folder of the results; None makes a new one below `results`.
        overwrite: whether `out` may hold results already.
        batch_size: images in a batch.
        workers: processes that read images.
        convention: of attention distance and NMI.
        seed: of everything random: draws the images, when they are to be drawn, and the bootstrap.
    """

    models: tuple[str, ...] = DEFAULT_MODELS
    num_heads: int | None = None
    data: str = "sample"
    images: int | None = None
    labels: str | None = None
    device: str = "auto"
    dtype: str = "float32"
    out: Path | None = None
    overwrite: bool = False
    batch_size: int = 32
    workers: int = 0
    convention: str = "park2023"
    seed: int | None = None
