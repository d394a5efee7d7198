"""The experiments by name; each is a module with `measure` (or `read`) and `draw`, imported when it is needed."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from types import ModuleType

from .settings import DEFAULT_MODELS, Settings

EXPERIMENTS = {
    "overview": "experiments.overview",
    "attention-maps": "experiments.attention_maps",
    "attention-distance": "experiments.attention_distance",
    "attention-nmi": "experiments.attention_nmi",
    "similarity": "experiments.similarity",
    "token-transformation": "experiments.token_transformation",
    "singular-spectra": "experiments.singular_spectra",
    "fourier": "experiments.fourier",
    "fourier-decoder": "experiments.fourier_decoder",
    "reconstruction": "experiments.reconstruction",
    "layer-probe": "experiments.layer_probe",
    "dense-probe": "experiments.dense_probe",
    "shape-texture": "experiments.shape_texture",
    "frequency-noise": "experiments.frequency_noise",
    "hybrid": "experiments.hybrid",
    "token-tsne": "experiments.token_tsne",
    "pca": "experiments.pca",
    "cls-statistics": "experiments.cls_statistics",
    "aggregation": "experiments.aggregation",
    "behaviour": "experiments.behaviour",
    "zoo": "experiments.zoo",
}
STORED: frozenset[str] = frozenset(
    {"layer-probe", "dense-probe", "shape-texture", "frequency-noise", "aggregation", "behaviour"}
)
"""Those that `read` the results of trainings instead of measuring models."""

OVER_DEPTH = frozenset({"overview", "attention-distance", "attention-nmi", "similarity", "fourier", "cls-statistics"})
"""Those whose numbers are all means over images at each depth: they take --until-precise."""

_DEPTHS = frozenset({"attention-maps", "token-transformation", "singular-spectra", "token-tsne", "pca"})
_TRAINED = STORED | {"hybrid"}
CHOICES: dict[str, frozenset[str]] = {
    "depths": _DEPTHS,
    "head": frozenset({"attention-maps"}),
    "basis": frozenset({"token-transformation"}),
    "decoder_input": frozenset({"fourier-decoder"}),
    "perplexity": frozenset({"token-tsne"}),
    "fit": frozenset({"pca"}),
    "foreground": frozenset({"pca"}),
    "probing": _TRAINED,
    "layer_scale": frozenset({"cls-statistics"}),
    "relative": frozenset({"singular-spectra"}),
    "train": _TRAINED,
}
"""Fields of `Settings` that only some experiments look at, and which those are."""

DEFAULT = "overview"


def experiment(name: str) -> ModuleType:
    """The module of an experiment.

    Raises:
        ValueError: there is none of this name; the message gives the nearest.
    """
    if name not in EXPERIMENTS:
        near = difflib.get_close_matches(name, [*EXPERIMENTS, "all"], n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(EXPERIMENTS)} and all"
        raise ValueError(f"unknown experiment {name!r}; {hint}")
    return importlib.import_module(EXPERIMENTS[name])


def chosen(names: Sequence[str]) -> list[str]:
    """Names of the experiments to run: the default without names, every one for `all`, each once.

    Raises:
        ValueError: there is none of such a name.
    """
    wanted = list(EXPERIMENTS) if "all" in names else list(dict.fromkeys(names or [DEFAULT]))
    for name in dict.fromkeys([*(name for name in names if name != "all"), *wanted]):
        experiment(name)
    return wanted


def of_no_use(settings: Settings, names: Sequence[str]) -> list[str]:
    """Options that were given though none of the experiments looks at them, each with those that do.

    >>> of_no_use(Settings(head=2, depths=(3,)), ["pca"])
    ['--head is of attention-maps']
    """
    given = [field for field in CHOICES if getattr(settings, field) != getattr(Settings(), field)]
    return [
        f"--{field.replace('_', '-')} is of {', '.join(sorted(CHOICES[field]))}"
        for field in given
        if CHOICES[field].isdisjoint(names)
    ]


def default_models(name: str) -> tuple[str, ...]:
    """Models of an experiment where the user names none."""
    return getattr(experiment(name), "MODELS", DEFAULT_MODELS)


def titles() -> dict[str, str]:
    """First line of each experiment's docstring, by name."""
    return {name: (experiment(name).__doc__ or "").strip().split("\n")[0] for name in EXPERIMENTS}
