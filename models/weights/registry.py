"""Names of published checkpoints and what is known of each."""

from difflib import get_close_matches
from fnmatch import fnmatchcase

from ._catalogue import ALIASES, CATALOGUE
from .entry import Weights

__all__ = [
    "ALIASES",
    "REGISTRY",
    "Weights",
    "entry",
    "list_models",
    "markdown_table",
    "matches",
    "nearest",
    "short_name",
]

SIMILAR = 0.65  # of 1: `mocco` is like `moco`, `nope` is not like `dino`
REGISTRY: dict[str, Weights] = {weights.name: weights for weights in CATALOGUE}


def list_models(pattern: str = "*") -> list[str]:
    """Names of the published weights and their short aliases, aliases first.

    Args:
        pattern: shell-style wildcards, matched against the whole name.
    Returns:
        Names that `load_model` takes; empty when nothing matches.

    >>> list_models("*simmim")
    ['simmim', 'mini-simmim', 'beit_base_patch16_224.simmim', 'vit_mini_patch4_32.simmim']
    """
    return [name for name in (*ALIASES, *REGISTRY) if fnmatchcase(name, pattern)]


def entry(name: str) -> Weights:
    """What is known of the weights with this name or alias.

    Raises:
        ValueError: no published weights have this name; the message gives the nearest ones.

    >>> entry("moco").name
    'vit_base_patch16_224.mocov3'
    """
    weights = REGISTRY.get(ALIASES.get(name, name))
    if weights is None:
        raise ValueError(f"name={name!r} is not in the registry of weights; {_nearest(name)}")
    return weights


def nearest(name: str, count: int = 4) -> list[str]:
    """Names and aliases that look like this one, nearest first; upper and lower case are alike.

    >>> nearest("MOCO", 1)
    ['moco']
    """
    return get_close_matches(name.lower(), list_models(), n=count, cutoff=SIMILAR)


def _nearest(name: str) -> str:
    near = nearest(name)
    if near:
        return f"the nearest are {', '.join(near)}. `python -m models list` shows all"
    return "`python -m models list` shows all, timm's own names work as timm gives them"


def markdown_table(pattern: str = "*") -> str:
    """The registry as a Markdown table, one row for each set of weights whose name or alias matches."""
    rows = [_row(weights) for weights in REGISTRY.values() if matches(weights, pattern)]
    header = ("name", "alias", "method", "data", "saw labels", "licence", "paper", "size", "source")
    return "\n".join(_line(cells) for cells in (header, ("---",) * len(header), *rows))


def matches(weights: Weights, pattern: str) -> bool:
    """Whether the weights' name or an alias of it fits shell-style wildcards."""
    return any(fnmatchcase(name, pattern) for name in (weights.name, short_name(weights)) if name)


def short_name(weights: Weights) -> str:
    """Alias of the weights, empty when they have none."""
    return next((short for short, name in ALIASES.items() if name == weights.name), "")


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(weights: Weights) -> tuple[str, ...]:
    alias = short_name(weights)
    return (
        f"`{weights.name}`",
        f"`{alias}`" if alias else "",
        weights.method,
        weights.data,
        "yes" if weights.saw_labels else "no",
        weights.licence,
        f"[{weights.paper}](https://arxiv.org/abs/{weights.paper})" if weights.paper else "",
        f"{weights.bytes / 1e6:.0f} MB" if weights.bytes else "",
        _source(weights),
    )


def _source(weights: Weights) -> str:
    hosts = [] if not weights.timm_hosted else ["timm"]
    if weights.packaged:
        hosts.append("in the package")
    return ", ".join(hosts + [f"[{_host(address)}]({address})" for address in weights.addresses])


def _host(address: str) -> str:
    return address.split("/")[2].removeprefix("www.")
