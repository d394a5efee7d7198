"""Which poolings are asked of a model, and what the table says of them."""

from types import SimpleNamespace

import pytest

from probing.aggregation.asked import asked, in_order, with_making
from probing.features.frozen import Cell
from tests.models._tiny import vit


def options(**changed):
    return SimpleNamespace(**{"layer": -1, "poolings": [], "norm": "none", "quirks": [], **changed})


def names(wanted):
    return [cell.pooling for cell in wanted.cells]


CENTRAL = ["cp1", "cp2", "cp3", "cp4", "ca1", "ca2", "ca3", "ca4"]
HEADS = ["lowest_entropy_head", "mean_head"]


def test_all_that_the_model_can_have():
    model = vit()
    wanted = asked(model, options(), None)
    assert names(wanted) == ["class_token", "patches", "both", *CENTRAL, *HEADS]
    assert {cell.layer for cell in wanted.cells} == {2} and wanted.token_layers == (2,)
    assert names(asked(model, options(), vit()))[-1] == "oracle"
    assert names(asked(model, options(layer=0), None)) == ["class_token", "patches", "both", *CENTRAL[:4]]
    registers = asked(vit(reg_tokens=2), options(), None)
    assert "registers" in names(registers)
    small = asked(vit(patch_size=16), options(), None)  # 2 x 2 patches
    assert [name for name in names(small) if name in CENTRAL] == ["cp1", "cp2", "ca1", "ca2"]
    without = asked(vit(class_token=False, global_pool="avg", reg_tokens=1), options(), None)
    assert names(without) == ["patches", "registers", *CENTRAL]


def test_those_that_were_named():
    wanted = asked(vit(), options(layer=1, poolings=["ca2", "patches", "ca2"], quirks=["epsilon"]), vit())
    assert wanted.cells == (Cell(1, "ca2"), Cell(1, "patches"))
    assert wanted.token_layers == () and wanted.oracle is None and wanted.quirks == {"epsilon"}
    only = asked(vit(), options(poolings=["abmilp"]), None)
    assert only.cells == () and only.token_layers == (2,)


def test_errors_name_the_mistake():
    with pytest.raises(ValueError, match=r"--poolings cls: there are class_token, patches, .*oracle, abmilp"):
        asked(vit(), options(poolings=["cls"]), None)
    with pytest.raises(ValueError, match="layer 3: there are 0"):
        asked(vit(), options(layer=3), None)
    with pytest.raises(ValueError, match="unknown quirk 'epsilom'; did you mean epsilon"):
        asked(vit(), options(quirks=["epsilom"]), None)


def test_recipes_tell_quirks_and_oracle_where_they_count():
    rows = [{"pooling": name, "recipe": "r"} for name in ("patches", "ca2", "oracle")]
    told = with_making(rows, quirks=["mean-of-weighted", "epsilon"], oracle="dino")
    assert [row["recipe"] for row in told] == [
        "r",
        "r; quirks mean-of-weighted, epsilon",
        "r; oracle dino; quirks mean-of-weighted",
    ]


def test_order():
    rows = [{"model": model, "pooling": name} for name in ("tokens", "ca1", "patches") for model in ("b", "a")]
    assert [(row["model"], row["pooling"]) for row in in_order(rows, ["b", "a"])] == [
        (model, name) for model in ("b", "a") for name in ("patches", "ca1", "tokens")
    ]
