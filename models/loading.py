"""From a name or a checkpoint file to a timm model in eval mode that holds exactly those weights."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from .checkpoints.blueprint import built, sizes
from .checkpoints.card import card_of, keys_of
from .checkpoints.checkpoint import SUFFIXES, read_checkpoint
from .checkpoints.dressing import data_config, dress, model_passport, published_passport
from .checkpoints.families import FAMILIES
from .checkpoints.heads import check_heads, head_count, heads_of, own_head_count
from .checkpoints.image_size import ImageSize, check_tiles, checked_pair, img_size_of, own_img_size, resized
from .checkpoints.passport import passport
from .checkpoints.pouring import pour
from .checkpoints.reading import recognised
from .checkpoints.timm_weights import authors_file, timm_model
from .layout import pair, token_layout
from .plain_vits import is_timm_name, nearest_timm_names, refuse_unless_plain, refuse_unless_plain_name
from .sine_cosine import sine_cosine_table
from .weights.download import at_hand, fetch
from .weights.registry import ALIASES, REGISTRY, Weights, nearest

RANDOM_SEED = 0  # of `mini-random`: the same untrained network for everybody


@dataclasses.dataclass(frozen=True)
class _Wish:
    """What the caller asked for besides the name."""

    num_heads: int | None
    img_size: tuple[int, int] | None
    pretrained: bool
    model: nn.Module | None
    family: str | None
    part: str | None
    progress: bool


def load_model(
    name: str | os.PathLike[str],
    *,
    num_heads: int | None = None,
    img_size: ImageSize | None = None,
    pretrained: bool = True,
    model: nn.Module | None = None,
    family: str | None = None,
    part: str | None = None,
    progress: bool = True,
) -> Any:
    """A published ViT in eval mode, every parameter from its checkpoint and every key accounted for.

    The model keeps the classifier of its weights where they have one, else it ends in features. It carries
    its preprocessing (`image_transform(model)`) and what is known of its weights (`model.passport`).

    Args:
        name: one of `list_models()`, a name of timm (`architecture.tag`), or the path of a checkpoint file.
        num_heads: for files of sizes that were never published, where no shape tells it.
        img_size: side or (height, width) in pixels, multiples of the patch; None keeps the weights' own size.
            Positions are resized as the family's own code does.
        pretrained: False gives the same architecture untrained, drawn from torch's random state.
        model: a module of the same names and shapes to pour the weights into, instead of a new one.
        family: family of the file, where its keys do not tell it (BEiT v2 fine-tuned, bare state dicts).
        part: set of weights in a file that holds several: "momentum_encoder" (MoCo-v3), "student" (DINO), ...
        progress: show a bar while downloading.
    Returns:
        A timm module (VisionTransformer, Beit, Eva, ...), or `model`.
    Raises:
        OSError: a file is missing or cannot be fetched.
        ValueError: the name is unknown, the model is no plain ViT, or the weights do not fit to the last key.
    """
    if model is not None and not pretrained:
        raise ValueError("model= with pretrained=False: there are no weights to pour; leave one of them out")
    wish = _Wish(num_heads, checked_pair(img_size), pretrained, model, family, part, progress)
    path = _as_path(name)
    if path is not None:
        return _from_file(path, wish)
    name = str(name)
    weights = REGISTRY.get(ALIASES.get(name, name))
    if weights is None and not is_timm_name(name):
        raise ValueError(_unknown(name))
    if family is not None or part is not None:
        raise ValueError(f"name={name!r}: family= and part= are for checkpoint files; give the file's path")
    if weights is None:
        return _from_timm(name, None, wish)
    if weights.timm_hosted:
        return _from_authors_or_timm(weights, wish)
    return _from_registry(weights, wish)


def _as_path(name: str | os.PathLike[str]) -> Path | None:
    """The path, where `name` is one rather than the name of a model."""
    if not isinstance(name, str):
        return Path(name).expanduser()
    if not name:
        raise ValueError(
            "name='' is empty; expected a name that `python -m models list` shows, a name of timm or a path"
        )
    path = Path(name).expanduser()
    known = name in ALIASES or name in REGISTRY or is_timm_name(name)
    looks = os.sep in name or path.suffix in SUFFIXES or path.is_file()
    return path if looks and not known else None


def _from_file(path: Path, wish: _Wish) -> nn.Module:
    """Load a file whose keys tell its family; sizes come from the shapes, or from a card in or beside it."""
    checkpoint = read_checkpoint(path)
    card = card_of(checkpoint)
    reading = recognised(checkpoint, family=wish.family or keys_of(card), part=wish.part)
    size = sizes(reading.state, wish.img_size, file=str(path))
    img_size = wish.img_size or own_img_size(size, str(path))
    state = resized(reading.state, size, img_size, reading.family, str(path))
    known = {"dim": size.dim, "depth": size.depth, "published": reading.family.heads, "file": str(path)}
    told = size.heads if card is None else card.num_heads
    if wish.model is None:
        heads = head_count(wish.num_heads, told=told, **known)
        with torch.random.fork_rng(devices=[], enabled=wish.pretrained):
            model = built(state, size, heads=heads, img_size=img_size)
    else:
        model = wish.model
        heads = own_head_count(model, wish.num_heads, told=told, **known)
    config = data_config(card or reading.family, img_size, size.classes)
    if not wish.pretrained:
        return dress(model, config, model_passport(model, None, pretrained=False))
    pour(state, model, file=str(path))
    return dress(model, config, passport(reading, path, size, heads=heads, card=card))


def _from_registry(weights: Weights, wish: _Wish) -> nn.Module:
    """Load published weights from the authors' file, into the architecture that the registry names."""
    fresh = _untrained(weights, wish)
    model = _receiver(fresh, wish, weights.name)
    img_size = img_size_of(fresh)
    config = data_config(weights, img_size, fresh.num_classes)
    if not (weights.filename and wish.pretrained):
        known = model_passport(fresh, weights, pretrained=False)
        if wish.model is not None:
            pour(fresh.state_dict(), model, file=weights.name)
        return dress(model, config, known)
    path = fetch(weights, progress=wish.progress)
    family = weights.family if weights.family in FAMILIES else "timm"
    reading = recognised(read_checkpoint(path), family=family)
    size = sizes(reading.state, file=str(path))
    pour(resized(reading.state, size, img_size, reading.family, str(path)), model, file=str(path))
    return dress(model, config, published_passport(reading, path, size, heads_of(fresh), weights))


def _untrained(weights: Weights, wish: _Wish) -> Any:
    """The registry's architecture without its weights; `mini-random` is drawn from a seed of its own."""
    options = {**weights.options, **({} if wish.img_size is None else {"img_size": wish.img_size})}
    with torch.random.fork_rng(devices=[], enabled=wish.pretrained):
        if wish.pretrained and not weights.filename:
            torch.manual_seed(RANDOM_SEED)
        model: Any = timm.create_model(weights.architecture, pretrained=False, **options)
    if weights.positions == "sine-cosine":
        table = sine_cosine_table(model.patch_embed.grid_size, model.embed_dim, model.num_prefix_tokens)
        model.pos_embed.data = table
    return model


def _from_timm(name: str, weights: Weights | None, wish: _Wish) -> nn.Module:
    """Load what timm itself hosts."""
    refuse_unless_plain_name(name)
    made = _hosted(name, weights, wish)
    refuse_unless_plain(type(made).__name__)
    model = _receiver(made, wish, name)
    img_size = img_size_of(made)
    own = {**made.pretrained_cfg, "input_size": (3, *img_size)}
    config = own if weights is None else data_config(weights, img_size, made.num_classes)
    known = model_passport(made, weights, pretrained=wish.pretrained)
    if wish.model is not None:
        pour(made.state_dict(), model, file=name)
    return dress(model, config, known)


def _from_authors_or_timm(weights: Weights, wish: _Wish) -> nn.Module:
    """Load what timm hosts; the authors' own file where it is at hand, and where timm's host refuses."""
    if not (authors_file(weights) and wish.pretrained):
        return _from_timm(weights.name, weights, wish)
    if at_hand(weights, progress=wish.progress) is not None:
        return _from_registry(weights, wish)
    try:
        return _from_timm(weights.name, weights, wish)
    except OSError as refusal:
        try:
            return _from_registry(weights, wish)
        except OSError:
            raise refusal from None


def _hosted(name: str, weights: Weights | None, wish: _Wish) -> Any:
    """A model of timm at the wished image size, positions of MAE and DINO resized their own way."""
    family = FAMILIES.get("" if weights is None else weights.family)
    if wish.img_size is None or not wish.pretrained or family is None or family.positions == "antialias":
        return timm_model(name, weights, pretrained=wish.pretrained, img_size=wish.img_size)
    state = timm_model(name, weights, pretrained=True, img_size=None).state_dict()
    state = resized(state, sizes(state, file=name), wish.img_size, family, name)
    made = timm_model(name, weights, pretrained=False, img_size=wish.img_size)
    pour(state, made, file=name)
    return made


def _receiver(made: Any, wish: _Wish, name: str) -> nn.Module:
    """The module that gets the weights, the caller's or the fresh one; heads and image size must fit."""
    if wish.img_size is not None:
        check_tiles(wish.img_size, pair(token_layout(made).patch_size))
    check_heads(made, wish.num_heads, name)
    if wish.model is None:
        return made
    check_heads(wish.model, heads_of(made), name)
    return wish.model


def _unknown(name: str) -> str:
    """The error for a name that nobody knows."""
    near = [*nearest(name, 3), *nearest_timm_names(name.lower())]
    found = (
        f"the nearest names are {', '.join(dict.fromkeys(near))}" if near else "`python -m models list` shows the names"
    )
    return f"name={name!r} is no published model, no name of timm and no file; {found}"
