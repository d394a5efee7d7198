"""Attention entropy: the formula and its limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import attention_entropy
from tests.ops._random import attention_of, behind_a_sink


def by_hand(attention, prefix):
    result = torch.zeros(attention.shape[:2], dtype=torch.float64)
    for image, head in np.ndindex(*attention.shape[:2]):
        patches = attention[image, head, prefix:, prefix:].tolist()
        for row in patches:
            shares = [weight / sum(row) for weight in row]
            result[image, head] -= sum(p * math.log(p) for p in shares if p > 0) / len(patches)
    return result


@pytest.mark.parametrize(("batch", "tokens", "prefix"), [(2, 16, 1), (1, 13, 5), (1, 12, 0)])
@pytest.mark.parametrize("sharpness", [0.1, 2.0, 50.0])
def test_formula(batch, tokens, prefix, sharpness):
    attention = attention_of(batch, 3, tokens, tokens, sharpness=sharpness)
    expected = by_hand(attention, prefix)
    torch.testing.assert_close(attention_entropy(attention, prefix=prefix), expected, rtol=0, atol=1e-12)
    found = attention_entropy(attention.float(), prefix=prefix)
    torch.testing.assert_close(found, expected.float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_limits(dtype):
    uniform = attention_entropy(torch.full((1, 1, 197, 197), 1 / 197, dtype=dtype))
    assert uniform.item() == pytest.approx(5.27811, abs=1e-5)
    assert attention_entropy(torch.eye(197, dtype=dtype)[None, None]).item() == pytest.approx(0, abs=1e-12)
    sink = torch.zeros(1, 1, 5, 5, dtype=dtype)
    sink[..., 0] = 1
    assert attention_entropy(sink).item() == pytest.approx(math.log(4), abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(tokens=st.integers(2, 12), seed=st.integers(0, 1000), sink=st.floats(0, 0.99))
def test_order_of_keys_and_weight_on_the_class_token_do_not_matter(tokens, seed, sink):
    attention = attention_of(1, 2, tokens, tokens, seed=seed)
    expected = attention_entropy(attention)
    order = torch.randperm(tokens - 1, generator=torch.Generator().manual_seed(seed)) + 1
    changed = (1 - sink) * attention[..., torch.cat((torch.zeros(1, dtype=torch.long), order))]
    changed[..., 0] += sink
    torch.testing.assert_close(attention_entropy(changed), expected, rtol=0, atol=1e-11)
    assert (expected <= math.log(tokens) + 1e-12).all()


def test_memory_layout_and_batch_axes_are_free():
    attention = attention_of(2, 3, 13, 13)
    expected = attention_entropy(attention)
    scattered = attention.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)
    torch.testing.assert_close(attention_entropy(scattered), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(attention_entropy(attention[None]), expected[None], rtol=0, atol=1e-12)
    torch.testing.assert_close(attention_entropy(attention[1]), expected[1], rtol=0, atol=1e-12)


def test_maps_larger_than_one_buffer(monkeypatch):
    attention = attention_of(2, 3, 13, 13)
    expected = attention_entropy(attention)
    monkeypatch.setattr("ops._row_logarithms.CACHED", 50)
    torch.testing.assert_close(attention_entropy(attention), expected, rtol=0, atol=1e-12)


def test_nan_stays_in_its_image():
    attention = attention_of(2, 3, 13, 13)
    attention[0, 1, 5, 6] = torch.nan
    assert attention_entropy(attention).isnan().tolist() == [[False, True, False], [False] * 3]


def test_errors_name_the_mistake():
    with pytest.raises(ValueError, match="prefix=14 leaves no patch of the 13 tokens"):
        attention_entropy(attention_of(1, 1, 13, 13), prefix=14)
    with pytest.raises(ValueError, match="attention has 13 query rows, but tokens 0 to 12"):
        attention_entropy(attention_of(1, 1, 13, 12))


def test_from_logits_it_is_the_same():
    """A caller who has the logits spares the logarithms; zero weights included."""
    logits = torch.randn(2, 3, 13, 13, dtype=torch.float64) * 30
    attention = logits.softmax(-1)
    sums = attention_entropy.over_queries.sums
    for queries in (slice(0, 13), slice(0, 5), slice(5, 13)):
        rows = attention[..., queries, :]
        expected = sums(rows, queries=queries, prefix=1)
        actual = sums(rows, queries=queries, prefix=1, logits=logits[..., queries, :])
        torch.testing.assert_close(actual, expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("strength", [30, 43, 60, 75, 80, 85, 88])
@pytest.mark.parametrize("with_logits", [False, True])
def test_exact_where_patches_hold_almost_nothing(strength, with_logits):
    logits = behind_a_sink(strength)
    expected = attention_entropy(logits.double().softmax(-1))
    at_hand = {"logits": logits} if with_logits else {}
    sums = attention_entropy.over_queries.sums(logits.softmax(-1), queries=slice(0, 17), prefix=1, **at_hand)
    torch.testing.assert_close(sums[..., 0].double(), expected, rtol=2e-5, atol=0)


def test_from_logits_it_is_known_even_where_all_weights_are_zero():
    logits = behind_a_sink(0)
    expected = attention_entropy(logits.double().softmax(-1))
    logits[..., 0] = 2000
    attention = logits.softmax(-1)
    assert attention[..., 1:].count_nonzero() == 0
    sums = attention_entropy.over_queries.sums(attention, queries=slice(0, 17), prefix=1, logits=logits)
    torch.testing.assert_close(sums[..., 0].double(), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("with_logits", [False, True])
def test_nan_does_not_hide_rows_of_almost_nothing_in_other_heads(with_logits):
    logits = behind_a_sink(85)
    expected = attention_entropy(logits.double().softmax(-1))
    logits[1, 3, 4] = torch.nan
    at_hand = {"logits": logits} if with_logits else {}
    sums = attention_entropy.over_queries.sums(logits.softmax(-1), queries=slice(0, 17), prefix=1, **at_hand)
    assert sums[1].isnan().all()
    torch.testing.assert_close(sums[0, 0].double(), expected[0], rtol=2e-5, atol=0)


def test_no_image_gives_no_value():
    assert attention_entropy(torch.zeros(0, 3, 5, 5)).shape == (0, 3)
