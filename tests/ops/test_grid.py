"""Grids, queries, patch sizes and conventions that are not what they should be are named."""

import numpy as np
import pytest
import torch

import ops
from ops._grid import sides

pytestmark = pytest.mark.usefixtures("unchecked")
ATTENTION = torch.full((1, 5, 5), 0.2)
ON_GRID = {"grid": (2, 2), "patch_size": 16}


@pytest.mark.parametrize("grid", [4, (2, 2, 1), (2.0, 2.0), None])
@pytest.mark.parametrize(
    "function",
    [
        lambda grid: ops.attention_distance(ATTENTION, grid=grid, patch_size=16),
        lambda grid: ops.query_attention(ATTENTION, query=(0, 0), grid=grid),
        lambda grid: ops.relative_log_amplitude(torch.ones(1, 4, 3), grid=grid),
        ops.diagonal_frequencies,
    ],
)
def test_grid(function, grid):
    with pytest.raises(ValueError, match=r"grid=.*; expected \(rows, columns\), two whole numbers, such as \(14, 14\)"):
        function(grid)


@pytest.mark.parametrize("query", [5, None, (1,), (0.0, 1.0)])
def test_query(query):
    with pytest.raises(
        ValueError, match=r"query=.*; expected \(row, column\), two whole numbers of patches, or 'class'"
    ):
        ops.query_attention(ATTENTION, query=query, grid=(2, 2))


def test_query_by_name():
    with pytest.raises(ValueError, match=r"query='cls' is not known; expected \(row, column\) or 'class'"):
        ops.query_attention(ATTENTION, query="cls", grid=(2, 2))


@pytest.mark.parametrize("patch_size", [16.0, (16, 16.0), (16,), "16"])
def test_patch_size(patch_size):
    with pytest.raises(ValueError, match=r"patch_size=.*; expected pixels as one whole number, or as two"):
        ops.attention_distance(ATTENTION, grid=(2, 2), patch_size=patch_size)


def test_whole_numbers_of_any_kind():
    assert sides(np.int64(16)) == (16, 16)
    assert sides([16, 8]) == (16, 8)


@pytest.mark.parametrize("function", [ops.attention_nmi, ops.class_attention_statistics])
def test_no_convention(function):
    with pytest.raises(ValueError, match="convention=None is not known here, only '"):
        function(ATTENTION, convention=None)


def test_no_convention_of_the_distance():
    with pytest.raises(ValueError, match="convention=None is not known here, only '"):
        ops.attention_distance(ATTENTION, **ON_GRID, convention=None)
