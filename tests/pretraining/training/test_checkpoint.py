"""What processes and versions have to agree on before a training goes on."""

import pytest
import torch

from pretraining.training import checkpoint
from pretraining.training.checkpoint import Standing, same_everywhere
from study.processes import Process

HERE = Process(1, 3, torch.device("cpu"))


@pytest.fixture
def others(monkeypatch):
    """`others(first)`: rank 0 has what `first` makes of this process's, rank 2 the same as this one."""

    def are(first):
        monkeypatch.setattr(checkpoint, "gathered", lambda own: [{**own[0], **first}, own[0], own[0]])

    return are


def test_the_same(others, small_recipe):
    others({})
    same_everywhere(Standing(512, "f00d", {}, ""), small_recipe("simmim"), HERE)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (
            {"images seen": 1024},
            r"2 of 3 processes \(first of them rank 1\) have other images seen than rank 0: 512 instead of 1024",
        ),
        ({"images": "beef"}, r"have other images than rank 0; give all machines .* a folder that they share as --out"),
        ({"recipe": ["SEED: 0 -> 1"]}, "have other recipe than rank 0"),
    ],
)
def test_what_differs_is_an_error(first, message, others, small_recipe):
    others(first)
    with pytest.raises(ValueError, match=message):
        same_everywhere(Standing(512, "f00d", {}, ""), small_recipe("simmim"), HERE)


def test_paths_may_differ_between_machines(monkeypatch, small_recipe):
    told = []
    monkeypatch.setattr(checkpoint, "gathered", lambda own: told.extend(own) or own)
    for path in ("/a", "/b"):
        same_everywhere(Standing(512, "f00d", {}, ""), small_recipe("simmim", "DATA.PATH", path), HERE)
    assert told[0] == told[1] and "METHOD: mocov3 -> simmim" in told[0]["recipe"]


def test_alone(small_recipe):
    standing = Standing(8, "f00d", {}, "")
    same_everywhere(standing, small_recipe("simmim"), Process(0, 1, torch.device("cpu")))
