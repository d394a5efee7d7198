"""What a run was asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

DEFAULT_MODELS = ("mini-moco", "mini-simmim", "mini-random")
DTYPES = ("float32", "bfloat16", "float16")
CONVENTIONS = ("park2023", "exact")
BASES = ("joint", "before", "after")
DECODER_INPUTS = ("all", "masked")
FITS = ("joint", "image")
PERPLEXITY = 20.0  # of t-SNE, as in the official notebook


@dataclasses.dataclass(frozen=True)
class Settings:
    """Options of `python -m experiments run`.

    Attributes:
        models: names that `models.load_model` takes; () for those of each experiment.
        num_heads: of checkpoint files whose size was never published; None where the file or its size tells it.
        data: what `study.open_images` takes.
        images: how many of them, evenly spaced over the sorted list; None for all.
        labels: file with the class of each image.
        device: auto, cpu, cuda or cuda:N; auto takes the GPU where there is one.
        dtype: of weights and images.
        out: folder of the results; None makes a new one below `results`. An experiment is given its own.
        overwrite: whether `out` may hold results already.
        batch_size: images in a batch.
        workers: processes that read images.
        convention: of attention distance and NMI.
        seed: of what is drawn at random: images, masks, t-SNE's start, groups of the jackknife; None stands for 0,
            and takes images in their order. Means over depth have bootstrap draws of their own, always the same, so
            that `draw` finds the intervals again.
        until_precise: stop when every interval is narrower than this share of its metric's scale; None takes all
            images.
        depths: of experiments that show single depths, 1 ... L; () for their own choice.
        head: of attention maps, from 0; None for the mean over heads.
        basis: on which tokens the axes of token-transformation are fitted (open point O4).
        decoder_input: what fourier-decoder gives to MAE's decoder (open point O9).
        perplexity: of t-SNE.
        fit: to which tokens the axes of pca are fitted: those of all images together, or of each by itself.
        foreground: of pca, `above:SHARE` or `below:SHARE` of the first component; "" shows all tokens.
        probing: folders of `python -m probing`, for experiments on stored results; () for those of the miniatures.
        train: train what those experiments need instead of reading it.
        layer_scale: cls-statistics measures what attention adds after LayerScale (open point O13).
        relative: singular-spectra shows the difference to depth 0 (open point O5).
    """

    models: tuple[str, ...] = ()
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
    until_precise: float | None = None
    depths: tuple[int, ...] = ()
    head: int | None = None
    basis: str = "joint"
    decoder_input: str = "all"
    perplexity: float = PERPLEXITY
    fit: str = "joint"
    foreground: str = ""
    probing: tuple[Path, ...] = ()
    train: bool = False
    relative: bool = False
    layer_scale: bool = False
