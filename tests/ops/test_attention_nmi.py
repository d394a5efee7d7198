"""Attention NMI: the formula, its limits and the official numbers."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import attention_nmi
from tests.ops._random import attention_of, behind_a_sink

SINGLE, DOUBLE = 2e-6, 1e-12  # rounding of an entropy of about 5 nats, over the square root of two of them


def by_hand(attention, prefix, epsilon):
    """From the formula, one pair of patches at a time."""
    result = torch.zeros(attention.shape[:2], dtype=torch.float64)
    count = attention.shape[-1] - prefix
    for image, head in np.ndindex(*attention.shape[:2]):
        weights = [[float(w) + epsilon for w in row] for row in attention[image, head, prefix:, prefix:]]
        shares = [[w / sum(row) for w in row] for row in weights]
        keys = [sum(row[k] for row in shares) / count for k in range(count)]
        information = sum(p / count * math.log(p / keys[k]) for row in shares for k, p in enumerate(row) if p > 0)
        key_entropy = -sum(p * math.log(p) for p in keys if p > 0)
        result[image, head] = information / math.sqrt(math.log(count) * key_entropy)
    return result


@pytest.mark.parametrize(("convention", "epsilon"), [("park2023", 1e-8), ("exact", 0.0)])
@pytest.mark.parametrize(("batch", "tokens", "prefix"), [(2, 16, 1), (1, 13, 5), (1, 12, 0)])
@pytest.mark.parametrize("sharpness", [0.1, 2.0, 20.0])
def test_formula(convention, epsilon, batch, tokens, prefix, sharpness):
    attention = attention_of(batch, 3, tokens, tokens, sharpness=sharpness)
    expected = by_hand(attention, prefix, epsilon)
    found = attention_nmi(attention, prefix=prefix, convention=convention)
    torch.testing.assert_close(found, expected, rtol=0, atol=DOUBLE)
    found = attention_nmi(attention.float(), prefix=prefix, convention=convention)
    torch.testing.assert_close(found, expected.float(), rtol=0, atol=SINGLE)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("tokens", [2, 3, 37, 197])
@pytest.mark.parametrize("sink", [0.0, 0.34])
def test_limits_of_the_exact_convention(dtype, tokens, sink):
    patches = tokens - 1

    def measured(patch_map):
        attention = torch.zeros(1, 1, tokens, tokens, dtype=torch.float64)
        attention[..., 0] = sink
        attention[..., 1:, 1:] = (1 - sink) * patch_map
        return attention_nmi(attention.to(dtype), convention="exact").item()

    one_key, uniform = torch.zeros(patches, patches), torch.full((patches, patches), 1 / patches)
    one_key[:, patches // 2] = 1
    assert measured(one_key) == 0
    assert measured(uniform) == pytest.approx(0, abs=SINGLE)
    alike = torch.rand(patches).softmax(0).expand(patches, patches)
    assert measured(alike) == pytest.approx(0, abs=SINGLE)
    expected = 1 if patches > 1 else 0
    assert measured(torch.eye(patches)) == pytest.approx(expected, abs=SINGLE)
    assert measured(torch.eye(patches).roll(1, 0)) == pytest.approx(expected, abs=SINGLE)


@pytest.mark.parametrize("convention", ["park2023", "exact"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_no_weight_on_any_patch_counts_as_uniform(convention, dtype):
    attention = torch.zeros(1, 1, 5, 5, dtype=dtype)
    attention[..., 0] = 1
    assert attention_nmi(attention, convention=convention).item() == pytest.approx(0, abs=SINGLE)
    attention[0, 0, 1:3, :] = torch.eye(5, dtype=dtype)[1:3]
    half_uniform = torch.full((1, 1, 5, 5), 0.25, dtype=dtype)
    half_uniform[0, 0, 1:3] = attention[0, 0, 1:3]
    torch.testing.assert_close(
        attention_nmi(attention, convention=convention),
        attention_nmi(half_uniform, convention=convention),
        rtol=0,
        atol=SINGLE,
    )


def test_epsilon_flattens_sharp_maps_behind_a_sink():
    attention = torch.eye(37, dtype=torch.float64)[None, None] * 1e-8
    attention[..., 0] = 1 - 1e-8
    assert attention_nmi(attention, convention="exact").item() == pytest.approx(1, abs=DOUBLE)
    assert attention_nmi(attention, convention="park2023").item() < 0.1


@settings(max_examples=25, deadline=None)
@given(tokens=st.integers(3, 12), seed=st.integers(0, 1000), sharpness=st.floats(0.1, 30))
def test_order_of_patches_does_not_matter(tokens, seed, sharpness):
    attention = attention_of(1, 2, tokens, tokens, seed=seed, sharpness=sharpness)
    generator = torch.Generator().manual_seed(seed)
    queries, keys = (torch.randperm(tokens - 1, generator=generator) + 1 for _ in range(2))
    first = torch.zeros(1, dtype=torch.long)
    shuffled = attention[..., torch.cat((first, queries)), :][..., torch.cat((first, keys))]
    for convention in ("park2023", "exact"):
        found = attention_nmi(shuffled, convention=convention)
        torch.testing.assert_close(found, attention_nmi(attention, convention=convention), rtol=0, atol=1e-11)
        assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_measured_in_float32(dtype):
    attention = attention_of(2, 3, 13, 13, sharpness=30, dtype=dtype)
    found = attention_nmi(attention)
    assert found.isfinite().all()
    torch.testing.assert_close(found, attention_nmi(attention.float()), rtol=0, atol=0)


def test_autocast_changes_nothing():
    attention = attention_of(1, 3, 13, 13, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = attention_nmi(attention)
    torch.testing.assert_close(found, attention_nmi(attention), rtol=0, atol=0)


def test_memory_layout_and_batch_axes_are_free():
    attention = attention_of(2, 3, 13, 13)
    expected = attention_nmi(attention)
    scattered = attention.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)
    torch.testing.assert_close(attention_nmi(scattered), expected, rtol=0, atol=DOUBLE)
    torch.testing.assert_close(attention_nmi(attention[:, None]), expected[:, None], rtol=0, atol=DOUBLE)
    torch.testing.assert_close(attention_nmi(attention[1]), expected[1], rtol=0, atol=DOUBLE)


@pytest.mark.parametrize("strength", [30, 43, 60, 75, 80, 85, 88])
@pytest.mark.parametrize("with_logits", [False, True])
def test_exact_means_exact_where_patches_hold_almost_nothing(strength, with_logits):
    """e^-88 is below the smallest normal number of float32: the epsilon that is none must not outweigh it."""
    logits = behind_a_sink(strength)
    expected = attention_nmi(logits.double().softmax(-1), convention="exact")
    found = from_rows(logits.softmax(-1), slice(0, 17), **({"logits": logits} if with_logits else {}))
    torch.testing.assert_close(found.double(), expected, rtol=2e-5, atol=0)


def from_rows(attention, queries, **at_hand):
    sums, finish = attention_nmi.over_queries.sums, attention_nmi.over_queries.finish
    return finish(sums(attention, queries=queries, prefix=1, convention="exact", **at_hand))


def test_from_logits_it_is_the_same():
    """A caller who has the logits spares the logarithms; zero weights included, park2023 has no use for them."""
    logits = torch.randn(2, 3, 13, 13, dtype=torch.float64) * 30
    attention = logits.softmax(-1)
    sums = attention_nmi.over_queries.sums
    for queries in (slice(0, 13), slice(0, 5), slice(5, 13)):
        for convention in ("exact", "park2023"):
            options = {"queries": queries, "prefix": 1, "convention": convention}
            rows = attention[..., queries, :]
            actual = sums(rows, **options, logits=logits[..., queries, :])
            torch.testing.assert_close(actual, sums(rows, **options), atol=1e-12, rtol=1e-12)


def test_from_logits_it_is_known_even_where_all_weights_are_zero():
    logits = behind_a_sink(0)
    expected = attention_nmi(logits.double().softmax(-1), convention="exact")
    logits[..., 0] = 2000
    attention = logits.softmax(-1)
    assert attention[..., 1:].count_nonzero() == 0
    found = from_rows(attention, slice(0, 17), logits=logits)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
    assert attention[..., 1:].count_nonzero() == 0  # the caller's weights stay as they were


@pytest.mark.parametrize("convention", ["park2023", "exact"])
def test_nan_stays_in_its_image(convention):
    attention = attention_of(2, 3, 13, 13)
    attention[0, 1, 5, 6] = torch.nan
    found = attention_nmi(attention, convention=convention)
    assert found.isnan().tolist() == [[False, True, False], [False] * 3]


def test_errors_name_the_mistake():
    attention = attention_of(1, 1, 13, 13)
    with pytest.raises(ValueError, match="prefix=13 leaves no patch of the 13 tokens; expected 0 to 12"):
        attention_nmi(attention, prefix=13)
    with pytest.raises(ValueError, match="prefix=-1 leaves no patch"):
        attention_nmi(attention, prefix=-1)
    with pytest.raises(ValueError, match=r"12 query rows.*leave the dropping to prefix="):
        attention_nmi(attention[..., 1:, :])
    with pytest.raises(ValueError, match=r"convention='strehl' is not known here, only 'park2023', 'exact'$"):
        attention_nmi.over_queries.sums(attention, queries=slice(0, 13), prefix=1, convention="strehl")


def test_golden_official_notebook(golden):
    arrays = np.load(golden / "ops.npz")
    for case in json.loads(str(arrays["names"]))["attn"]:
        # where all queries share one key the official value is rounding noise: 5e-5 between its precisions
        tolerance = 1e-4 if case.endswith("exact_samekey") else 2e-5
        attention = torch.from_numpy(arrays[f"attn/{case}"])
        for weights, name in ((attention, "nmi"), (attention.double(), "nmi_f64")):
            expected = torch.from_numpy(arrays[f"{name}/{case}"])
            torch.testing.assert_close(attention_nmi(weights), expected, rtol=0, atol=tolerance)
