"""The registry is consistent with itself, with timm and with the packaged files."""

import hashlib
import re
from pathlib import Path

import pytest
import timm

from models.weights.registry import ALIASES, REGISTRY, entry, list_models, markdown_table

PACKAGE = Path(__file__).parents[3] / "models"
EVERY = pytest.mark.parametrize("weights", REGISTRY.values(), ids=REGISTRY)
HOSTED = [weights for weights in REGISTRY.values() if weights.timm_hosted]


def test_names_are_unique_and_aliases_lead_to_them() -> None:
    from models.weights._catalogue import CATALOGUE

    assert len(REGISTRY) == len(CATALOGUE)
    assert set(ALIASES.values()) <= set(REGISTRY)
    assert not set(ALIASES) & set(REGISTRY)


def test_no_two_weights_share_a_file() -> None:
    files = [weights.filename for weights in REGISTRY.values() if weights.filename]
    assert len(files) == len(set(files))


@EVERY
def test_every_entry_says_what_it_must(weights) -> None:
    assert re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", weights.name)
    assert weights.architecture in timm.list_models(weights.architecture)
    assert weights.licence
    assert weights.method
    assert weights.data
    assert weights.timm_hosted or weights.urls or weights.family == "mini"
    assert bool(weights.filename) == bool(weights.urls or weights.packaged)
    for url in weights.urls:
        assert re.fullmatch(r"https://[\w.-]+/[\w./-]+|gdrive:[\w-]{33}", url)
    if weights.family != "mini":
        assert re.fullmatch(r"\d{4}\.\d{4,5}", weights.paper)


@EVERY
def test_hashes_and_sizes_are_whole_or_absent(weights) -> None:
    assert weights.bytes is None or weights.bytes > 1_000_000
    assert weights.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", weights.sha256)
    assert weights.hash_prefix is None or re.fullmatch(r"(md5|sha256):[0-9a-f]{6,}", weights.hash_prefix)


@EVERY
def test_timm_knows_exactly_the_names_it_is_said_to_host(weights) -> None:
    assert weights.timm_hosted == (weights.name in timm.list_pretrained(weights.name))


@EVERY
def test_only_fine_tuned_and_supervised_weights_saw_labels(weights) -> None:
    tagged = any(word in weights.name for word in ("ft_in1k", "linear")) or weights.method.startswith("supervised")
    assert weights.saw_labels == tagged


@pytest.mark.parametrize("weights", HOSTED, ids=lambda weights: weights.name)
def test_normalisation_and_urls_agree_with_timm_where_timm_has_the_weights(weights) -> None:
    known = timm.get_pretrained_cfg(weights.name)
    assert known is not None
    assert (known.mean, known.std, known.interpolation) == (weights.mean, weights.std, weights.interpolation)
    if weights.urls:
        assert known.url == weights.urls[0]
    assert (known.license or "").lower() == weights.licence.lower()


@pytest.mark.parametrize(
    "name", ["vit_small_patch16_224.mocov3", "beit_base_patch16_224.simmim", "mini-moco", "mini-random"]
)
def test_options_are_arguments_of_timm(name: str) -> None:
    weights = entry(name)
    model = timm.create_model(weights.architecture, **weights.options)
    assert model.num_classes == 0
    heads = {"vit_small_patch16_224.mocov3": 12, "beit_base_patch16_224.simmim": 12}.get(name, 3)
    assert model.blocks[0].attn.num_heads == heads


def test_packaged_files_are_the_ones_described() -> None:
    for weights in REGISTRY.values():
        if weights.packaged:
            content = (PACKAGE / "mini" / weights.filename).read_bytes()
            assert len(content) == weights.bytes
            assert hashlib.sha256(content).hexdigest() == weights.sha256


def test_entries_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        entry("moco").options["num_heads"] = 3  # type: ignore[index]
    with pytest.raises(AttributeError):
        entry("moco").name = "other"  # type: ignore[misc]


def test_list_models_filters_names_and_aliases() -> None:
    assert list_models("*simmim") == [
        "simmim",
        "mini-simmim",
        "beit_base_patch16_224.simmim",
        "vit_mini_patch4_32.simmim",
    ]
    assert list_models("nothing*") == []
    assert {"moco", "simmim", "mae", "dino", "beit", "supervised"} <= set(list_models())


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"name='mocco'.*nearest are moco"):
        entry("mocco")
    with pytest.raises(ValueError, match=r"vit_base_patch16_224\.mocov3"):
        entry("vit_base_patch16_224.moco_v3")
    with pytest.raises(ValueError, match="nearest are moco"):
        entry("MOCO")
    for nothing in ("?", "nope"):
        with pytest.raises(ValueError, match=r"registry of weights; `python -m models list`"):
            entry(nothing)


def test_the_markdown_table_has_a_row_for_each_entry() -> None:
    lines = markdown_table().splitlines()
    assert len(lines) == 2 + len(REGISTRY)
    assert {line.count("|") for line in lines} == {10}
    assert "`simmim`" in markdown_table("simmim")
    assert "drive.google.com/file/d/" in markdown_table("simmim")
    assert len(markdown_table("simmim").splitlines()) == 3
