"""Names of published checkpoints and what is known of each."""

from difflib import get_close_matches
from fnmatch import fnmatchcase

from ._catalogue import ALIASES, CATALOGUE
from ._weights import Weights

__all__ = ["ALIASES", "REGISTRY", "Weights", "entry", "list_models", "markdown_table"]

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


def _nearest(name: str) -> str:
    near = get_close_matches(name, (*ALIASES, *REGISTRY), n=4, cutoff=0.5)
    if near:
        return f"the nearest are {', '.join(near)}. `python -m models list` shows all"
    return "`python -m models list` shows all, timm's own names work as timm gives them"


def markdown_table(pattern: str = "*") -> str:
    """The registry as a Markdown table, one row for each set of weights whose name or alias matches."""
    alias = {name: short for short, name in ALIASES.items()}
    rows = [
        _row(weights, alias.get(name, "")) for name, weights in REGISTRY.items() if _matches(weights, pattern)
    ]
    header = ("name", "alias", "method", "data", "saw labels", "licence", "paper", "size", "source")
    return "\n".join(_line(cells) for cells in (header, ("---",) * len(header), *rows))


def _matches(weights: Weights, pattern: str) -> bool:
    names = [weights.name, *(short for short, name in ALIASES.items() if name == weights.name)]
    return any(fnmatchcase(name, pattern) for name in names)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(weights: Weights, alias: str) -> tuple[str, ...]:
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
