"""Attention maps: the right query, the right way round."""

import pytest
import torch

from ops import patch_attention, query_attention
from tests.ops._random import attention_of

GRID = (2, 3)


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_a_patch_looks_where_its_row_says(prefix):
    attention = attention_of(2, 3, prefix + 6, prefix + 6)
    shares = patch_attention(attention, prefix=prefix)
    for row in range(2):
        for column in range(3):
            found = query_attention(attention, query=(row, column), grid=GRID, prefix=prefix)
            assert found.shape == (2, 3, *GRID)
            expected = shares[..., row * 3 + column, :]
            torch.testing.assert_close(found.flatten(-2), expected, rtol=0, atol=1e-12)


def test_rows_of_the_map_are_rows_of_the_image():
    attention = torch.zeros(1, 7, 7)
    attention[0, :, 1 + 3 * 1 + 2] = 1
    found = query_attention(attention, query=(0, 1), grid=GRID)
    torch.testing.assert_close(found, torch.tensor([[[0.0, 0, 0], [0, 0, 1]]]), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_class_token(dtype):
    attention = attention_of(1, 2, 8, 8, dtype=dtype)
    found = query_attention(attention, query="class", grid=GRID, prefix=2)
    weights = attention[..., 0, 2:].float()
    torch.testing.assert_close(found.flatten(-2), weights / weights.sum(-1, keepdim=True))


def test_a_query_without_weight_on_patches_is_uniform():
    attention = torch.eye(7)[None]
    found = query_attention(attention, query="class", grid=GRID)
    torch.testing.assert_close(found, torch.full((1, *GRID), 1 / 6))


def test_errors_name_the_mistake():
    attention = attention_of(1, 1, 7, 7)
    for query in ((2, 0), (0, 3), (-1, 0)):
        with pytest.raises(ValueError, match=r"lies outside grid=\(2, 3\).*\(0, 0\) to \(1, 2\), not pixels"):
            query_attention(attention, query=query, grid=GRID)
    with pytest.raises(ValueError, match=r"grid=\(3, 3\) has 9 patches, but attention has 7 keys"):
        query_attention(attention, query=(0, 0), grid=(3, 3))
    with pytest.raises(ValueError, match=r"prefix=0 leaves no class token.*choose a"):
        query_attention(attention[..., 1:, 1:], query="class", grid=GRID, prefix=0)
    match = "class_tokens=0: this model has no class token, its first 1 tokens are registers; .*choose a"
    with pytest.raises(ValueError, match=match):
        query_attention(attention, query="class", grid=GRID, class_tokens=0)
    with pytest.raises(ValueError, match="class_tokens=2 with prefix=1; expected 1 to 1"):
        query_attention(attention, query="class", grid=GRID, class_tokens=2)
    patch = query_attention(attention, query=(0, 1), grid=GRID, class_tokens=0)
    torch.testing.assert_close(patch, query_attention(attention, query=(0, 1), grid=GRID), rtol=0, atol=0)
