"""The three cosines against loops over pairs, their closed forms and what must not change them."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ops.similarity import depth_similarity, head_similarity, token_similarity
from tests.ops._random import randn

FLOAT64 = {"rtol": 1e-12, "atol": 1e-12}


def cosine(x, y):
    """Written out; 0 where a vector has no direction."""
    lengths = math.sqrt(sum(a * a for a in x)) * math.sqrt(sum(b * b for b in y))
    return sum(a * b for a, b in zip(x, y, strict=True)) / lengths if lengths else 0.0


def mean_over_pairs(vectors):
    pairs = list(itertools.combinations(vectors.tolist(), 2))
    return sum(cosine(x, y) for x, y in pairs) / len(pairs)


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_token_similarity_is_the_mean_over_pairs(zeros):
    tokens = randn(2, 7, 5)
    tokens[0, :zeros] = 0
    expected = torch.tensor([mean_over_pairs(image) for image in tokens], dtype=torch.float64)
    assert_close(token_similarity(tokens), expected, **FLOAT64)


@pytest.mark.parametrize("zeros", [0, 1, 3])
def test_head_similarity_is_the_mean_over_pairs_then_tokens(zeros):
    outputs = randn(2, 3, 6, 4)
    outputs[1, :zeros, 2] = 0
    expected = torch.zeros(2, dtype=torch.float64)
    for image in range(2):
        for token in range(6):
            expected[image] += mean_over_pairs(outputs[image, :, token]) / 6
    assert_close(head_similarity(outputs), expected, **FLOAT64)


def test_depth_similarity_is_the_mean_over_tokens():
    before, after = randn(2, 6, 4), randn(2, 6, 4, seed=1)
    before[0, 0], after[1, 3], after[0, 0] = 0, 0, 0
    expected = torch.zeros(2, dtype=torch.float64)
    for image in range(2):
        for x, y in zip(before[image].tolist(), after[image].tolist(), strict=True):
            expected[image] += cosine(x, y) / 6
    assert_close(depth_similarity(before, after), expected, **FLOAT64)


def test_closed_forms():
    same = randn(1, 1, 5).expand(2, 4, 5)
    ones = torch.ones(2, dtype=torch.float64)
    assert_close(token_similarity(same), ones)
    assert_close(head_similarity(same.unsqueeze(2)), ones)
    assert_close(depth_similarity(same, -3 * same), -ones)
    assert_close(token_similarity(torch.eye(4)), torch.tensor(0.0))
    simplex = torch.eye(4) - 0.25
    assert_close(token_similarity(simplex), torch.tensor(-1 / 3))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_float32_neither_overflows_nor_vanishes(scale):
    tokens = randn(1, 9, 6)
    expected = token_similarity(tokens).float()
    assert_close(token_similarity(tokens.float() * scale), expected, rtol=1e-5, atol=1e-6)
    assert_close(depth_similarity(tokens.float() * scale, tokens.float()), torch.ones(1))


def test_float32_of_a_vit_b_layer():
    tokens = randn(1, 196, 768) + 3 * randn(1, 1, 768, seed=1)
    assert_close(token_similarity(tokens.float()).double(), token_similarity(tokens), rtol=1e-5, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), scale=st.floats(1e-3, 1e3))
def test_length_order_and_rotation_of_vectors_do_not_matter(seed, scale):
    tokens = randn(5, 4, seed=seed)
    rotation = torch.linalg.qr(randn(4, 4, seed=seed + 1)).Q
    lengths = scale * (randn(5, 1, seed=seed + 2).abs() + 0.1)
    changed = ((lengths * tokens) @ rotation)[torch.randperm(5, generator=torch.Generator().manual_seed(seed))]
    assert_close(token_similarity(changed), token_similarity(tokens), rtol=1e-9, atol=1e-9)


def test_all_zero_counts_as_no_similarity():
    assert token_similarity(torch.zeros(3, 4)) == 0
    assert depth_similarity(torch.zeros(3, 4), torch.ones(3, 4)) == 0
    assert head_similarity(torch.zeros(2, 3, 4)) == 0


def test_errors():
    with pytest.raises(ValueError, match=r"head_outputs has 1 head in shape \(1, 1, 5, 4\).*keep the head axis"):
        head_similarity(torch.zeros(1, 1, 5, 4))
    with pytest.raises(ValueError, match=r"head_outputs has 0 tokens"):
        head_similarity(torch.zeros(2, 0, 4))
    with pytest.raises(ValueError, match=r"tokens has 1 token in shape \(1, 4\).*at least 2.*not a pooled vector"):
        token_similarity(torch.zeros(1, 4))
    with pytest.raises(ValueError, match=r"before has 0 tokens"):
        depth_similarity(torch.zeros(0, 4), torch.zeros(0, 4))
