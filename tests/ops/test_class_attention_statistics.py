"""Class attention statistics: the definitions, one query at a time, and the official numbers."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import class_attention_statistics
from tests.ops._random import attention_of, behind_a_sink

NAMES = [
    "cls_cls_attention",
    "pos_self_attention",
    "cls_cls_attention_adj_for_cls",
    "pos_self_attention_adj_for_cls",
    "cls_pos_attention",
    "pos_cls_attention",
    "cls_pos_entropy",
    "pos_pos_entropy",
]


def by_hand(attention, prefix, epsilon):
    """One map (query key) -> the eight numbers."""
    patches = range(prefix, len(attention))
    weights = attention.tolist()

    def mean(values):
        return sum(values) / len(patches)

    def mass(query):
        return sum(weights[query][k] for k in patches) + epsilon

    def entropy(query):
        shares = [weights[query][k] / mass(query) for k in patches]
        return -sum(p * math.log(p + epsilon) for p in shares if p > 0)

    return [
        weights[0][0],
        mean(weights[i][i] for i in patches),
        weights[0][0] / mass(0),
        mean(weights[i][i] / mass(i) for i in patches),
        mean(weights[0][k] for k in patches),
        mean(weights[i][0] for i in patches),
        entropy(0),
        mean(entropy(i) for i in patches),
    ]


@pytest.mark.parametrize(("convention", "epsilon"), [("beyond-cls", 1e-6), ("exact", 0.0)])
@pytest.mark.parametrize(("batch", "tokens", "prefix"), [(2, 16, 1), (1, 13, 5)])
@pytest.mark.parametrize("sharpness", [0.1, 2.0, 30.0])
def test_formula(convention, epsilon, batch, tokens, prefix, sharpness):
    attention = attention_of(batch, 3, tokens, tokens, sharpness=sharpness)
    expected = [[by_hand(head, prefix, epsilon) for head in image] for image in attention]
    expected = torch.tensor(expected, dtype=torch.float64)
    found = class_attention_statistics(attention, prefix=prefix, convention=convention)
    assert list(found) == NAMES
    torch.testing.assert_close(torch.stack(list(found.values()), -1), expected, rtol=1e-12, atol=1e-12)
    found = class_attention_statistics(attention.float(), prefix=prefix, convention=convention)
    torch.testing.assert_close(torch.stack(list(found.values()), -1), expected.float(), rtol=1e-5, atol=1e-5)


def test_uniform_attention():
    found = class_attention_statistics(torch.full((1, 1, 197, 197), 1 / 197), convention="exact")
    assert found["cls_cls_attention"].item() == pytest.approx(1 / 197)
    assert found["cls_cls_attention_adj_for_cls"].item() == pytest.approx(1 / 196)
    assert found["pos_self_attention_adj_for_cls"].item() == pytest.approx(1 / 196)
    assert found["cls_pos_entropy"].item() == pytest.approx(5.27811, abs=1e-5)
    assert found["pos_pos_entropy"].item() == pytest.approx(5.27811, abs=1e-5)


def test_everything_on_the_class_token():
    attention = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    attention[..., 0] = 1
    official = class_attention_statistics(attention)
    assert official["cls_cls_attention_adj_for_cls"].item() == pytest.approx(1e6)
    assert official["pos_self_attention_adj_for_cls"].item() == official["pos_pos_entropy"].item() == 0
    exact = class_attention_statistics(attention, convention="exact")
    assert exact["cls_cls_attention_adj_for_cls"].item() == math.inf
    assert exact["pos_self_attention_adj_for_cls"].item() == pytest.approx(1 / 4)
    assert exact["cls_pos_entropy"].item() == pytest.approx(math.log(4))
    assert exact["pos_pos_entropy"].item() == pytest.approx(math.log(4))


@settings(max_examples=20, deadline=None)
@given(tokens=st.integers(2, 12), seed=st.integers(0, 1000))
def test_order_of_patches_does_not_matter(tokens, seed):
    attention = attention_of(1, 2, tokens, tokens, seed=seed)
    order = torch.randperm(tokens - 1, generator=torch.Generator().manual_seed(seed)) + 1
    order = torch.cat((torch.zeros(1, dtype=torch.long), order))
    found = class_attention_statistics(attention[..., order, :][..., order])
    expected = class_attention_statistics(attention)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    row = expected["cls_cls_attention"] + (tokens - 1) * expected["cls_pos_attention"]
    torch.testing.assert_close(row, torch.ones_like(row), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_measured_in_float32(dtype):
    attention = attention_of(2, 3, 13, 13, dtype=dtype)
    found = class_attention_statistics(attention)
    torch.testing.assert_close(found, class_attention_statistics(attention.float()), rtol=0, atol=0)


def test_maps_larger_than_one_buffer(monkeypatch):
    attention = attention_of(2, 3, 13, 13)
    expected = class_attention_statistics(attention)
    monkeypatch.setattr("ops._row_logarithms.CACHED", 50)
    torch.testing.assert_close(class_attention_statistics(attention), expected, rtol=0, atol=1e-12)


def test_memory_layout_and_batch_axes_are_free():
    attention = attention_of(2, 3, 13, 13)
    expected = class_attention_statistics(attention)
    scattered = attention.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)
    torch.testing.assert_close(class_attention_statistics(scattered), expected, rtol=0, atol=1e-12)
    alone = class_attention_statistics(attention[1])
    torch.testing.assert_close(alone, {k: v[1] for k, v in expected.items()}, rtol=0, atol=1e-12)


@pytest.mark.parametrize("strength", [30, 43, 60, 75, 80, 85])
def test_exact_means_exact_where_patches_hold_almost_nothing(strength):
    logits = behind_a_sink(strength)
    found = class_attention_statistics(logits.softmax(-1), convention="exact")
    expected = class_attention_statistics(logits.double().softmax(-1), convention="exact")
    for name, values in found.items():
        torch.testing.assert_close(values.double(), expected[name], rtol=5e-5, atol=0)


@pytest.mark.parametrize("convention", ["beyond-cls", "exact"])
def test_nan_stays_in_its_image(convention):
    attention = attention_of(2, 3, 13, 13)
    attention[0, 1] = torch.nan
    for name, found in class_attention_statistics(attention, convention=convention).items():
        assert found.isnan().tolist() == [[False, True, False], [False] * 3], name


def test_errors_name_the_mistake():
    attention = attention_of(1, 1, 13, 13)
    with pytest.raises(ValueError, match="prefix=0 leaves no class token"):
        class_attention_statistics(attention, prefix=0)
    with pytest.raises(ValueError, match="class_tokens=0: this model has no class token, its first 4 tokens are reg"):
        class_attention_statistics(attention, prefix=4, class_tokens=0)
    with pytest.raises(ValueError, match="class_tokens=3 with prefix=2; expected 1 to 2"):
        class_attention_statistics(attention, prefix=2, class_tokens=3)
    with pytest.raises(ValueError, match="prefix=13 leaves no patch"):
        class_attention_statistics(attention, prefix=13)
    with pytest.raises(ValueError, match=r"'beyond_cls' is not known.*did you mean 'beyond-cls'"):
        class_attention_statistics.over_queries.sums(attention, queries=slice(0, 13), prefix=1, convention="beyond_cls")


@pytest.mark.parametrize("grid", ["g6", "g7"])
def test_golden_official_statistics(golden, grid):
    arrays = np.load(golden / "ops.npz")
    for block, case in enumerate(json.loads(str(arrays[f"bcls/{grid}/blocks"]))):
        found = class_attention_statistics(torch.from_numpy(arrays[f"attn/{case}"]))
        for index, (name, values) in enumerate(found.items()):
            expected = torch.from_numpy(arrays[f"bcls/{grid}/attn_stats8"][:, block, :, index])
            torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-5)
            summary = torch.from_numpy(arrays[f"bcls/{grid}/summary/{name}"])[block]
            torch.testing.assert_close(values.mean(), summary, rtol=1e-5, atol=1e-5)
