"""Patch attention: prefix dropped, rows renormalised."""

import pytest
import torch

from ops import patch_attention
from tests.ops._random import attention_of


@pytest.mark.parametrize("prefix", [0, 1, 5])
@pytest.mark.parametrize("epsilon", [0.0, 1e-8, 0.1])
def test_formula(prefix, epsilon):
    attention = attention_of(1, 2, 9, 9)
    found = patch_attention(attention, prefix=prefix, epsilon=epsilon)
    assert found.shape == (1, 2, 9 - prefix, 9 - prefix)
    for head in range(2):
        for query in range(9 - prefix):
            row = [float(w) + epsilon for w in attention[0, head, prefix + query, prefix:]]
            expected = torch.tensor([w / sum(row) for w in row], dtype=torch.float64)
            torch.testing.assert_close(found[0, head, query], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_rows_sum_to_one_even_without_weight_on_patches(dtype):
    attention = attention_of(2, 3, 9, 9, dtype=dtype)
    attention[0, 0, 4] = torch.eye(9, dtype=dtype)[0]
    found = patch_attention(attention)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(found.sum(-1), torch.ones_like(found[..., 0]))
    torch.testing.assert_close(found[0, 0, 3], torch.full_like(found[0, 0, 3], 1 / 8))


def test_exact_zeros_stay_and_nan_stays_in_its_row():
    attention = torch.eye(9)[None, None].repeat(1, 2, 1, 1)
    attention[0, 1, 2, 3] = torch.nan
    found = patch_attention(attention)
    torch.testing.assert_close(found[0, 0], torch.eye(8), rtol=0, atol=0)
    assert found[0, 1].isnan().all(-1).tolist() == [row == 1 for row in range(8)]


def test_errors_name_the_mistake():
    with pytest.raises(ValueError, match=r"epsilon=-0\.1 is negative"):
        patch_attention(attention_of(1, 1, 9, 9), epsilon=-0.1)
    with pytest.raises(ValueError, match="prefix=9 leaves no patch of the 9 tokens"):
        patch_attention(attention_of(1, 1, 9, 9), prefix=9)
