"""Blocks of one layer's attention: every row once, within the budget, and the same rows however they are split."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.taps._attention import FEWEST_QUERIES, AttentionCall, Budget, blocks_of

ROW = 8 * 25  # bytes of 25 tokens in float64
SMALL = Budget(block_bytes=20 * ROW)  # a part of a head
HEADS = Budget(block_bytes=50 * ROW)  # two heads of three


def shaped(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def joined(blocks, like):
    """What all blocks hold, in place; NaN where none came, an error where two did."""
    whole = torch.full_like(like, torch.nan)
    for place, part in blocks:
        assert whole[place].isnan().all()
        whole[place] = part
    return whole


@given(
    batch=st.integers(1, 4),
    heads=st.integers(1, 12),
    tokens=st.integers(1, 60),
    block=st.floats(1, 1e6),
    together=st.floats(1, 1e6),
    split=st.booleans(),
)
def test_every_row_once_and_within_the_budget(batch, heads, tokens, block, together, split):
    budget = Budget(block, together, split)
    seen = torch.zeros(batch, heads, tokens, dtype=torch.int)
    for images, group, queries in budget.plan(batch, heads, tokens, 4):
        seen[images, group, queries] += 1
        rows = seen[images, group, queries]
        if split:
            least = 4 * tokens * min(tokens, FEWEST_QUERIES)
            assert 4 * tokens * rows.numel() <= max(block, least)
        else:
            assert rows.shape[1:] == (heads, tokens)
    assert (seen == 1).all()


@pytest.mark.parametrize("budget", [Budget(), Budget(together_bytes=1), SMALL, HEADS, Budget(block_bytes=1)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@pytest.mark.parametrize("bias", [None, (1, 3, 25, 25), (2, 1, 1, 25), (25, 25)])
def test_any_split_gives_the_same_rows(budget, dtype, bias):
    q, k, v = (shaped(2, 25, 3, 8, seed=seed).to(dtype).transpose(1, 2) for seed in range(3))
    mask = None if bias is None else shaped(*bias, seed=3).to(dtype)
    call = AttentionCall.of(q, k, v, mask)
    expected = q.double() @ k.double().transpose(-1, -2) * 8**-0.5 + (0 if mask is None else mask.double())
    blocks = list(
        call.over_blocks(
            budget, lambda b: ((b.images, b.heads, b.queries), b.logits.clone(), b.weights.clone(), b.product)
        )
    )
    close = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-5}
    logits = joined(((place, part) for place, part, _, _ in blocks), expected)
    weights = joined(((place, part) for place, _, part, _ in blocks), expected)
    product = joined(((place, part) for place, _, _, part in blocks), q.double())
    torch.testing.assert_close(logits, expected, **close)
    torch.testing.assert_close(weights, expected.softmax(-1), **close)
    torch.testing.assert_close(product, expected.softmax(-1) @ v.double(), **close)


def test_masked_logits_are_kept_back():
    q, k, v = (shaped(1, 3, 25, 8, seed=seed) for seed in range(3))
    mask = torch.ones(25, 25, dtype=torch.bool).tril()

    def require_masked(block):
        assert block.logits is None
        later = torch.arange(25) > torch.arange(block.queries.start, block.queries.stop)[:, None]
        assert (block.weights[..., later] == 0).all()
        return True

    assert len(list(AttentionCall.of(q, k, v, mask).over_blocks(SMALL, require_masked))) > 3


def test_the_first_and_the_last_block_are_told():
    weights = shaped(2, 3, 25, 25).softmax(-1)
    for budget, groups, count in ((SMALL, 6, 12), (HEADS, 4, 4), (Budget(), 1, 1)):
        blocks = list(blocks_of(weights, budget))
        assert len(blocks) == count
        assert sum(b.first_of_heads for b in blocks) == sum(b.last_of_heads for b in blocks) == groups
        assert [b.images.stop for b in blocks if b.last_of_images] == ([2] if count == 1 else [1, 2])
        require_all(blocks, weights)


def require_all(blocks, weights):
    rebuilt = joined((((b.images, b.heads, b.queries), b.weights) for b in blocks), weights)
    torch.testing.assert_close(rebuilt, weights, rtol=0, atol=0)
