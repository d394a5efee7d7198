"""Attention distance: the formula, its four conventions and the official numbers."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import attention_distance
from tests.ops._random import attention_of, behind_a_sink

CONVENTIONS = ["park2023", "exact", "probing-vits", "vit_analysis"]


def by_hand(attention, grid, patch_size, prefix, convention):
    """From the formula, one pair of patches at a time."""
    rows, columns = grid
    height, width = patch_size
    if convention == "vit_analysis":
        height, width = 1 / max(rows - 1, 1), 1 / max(columns - 1, 1)
    patches = [(row * height, column * width) for row in range(rows) for column in range(columns)]
    result = torch.zeros(attention.shape[:2], dtype=torch.float64)
    for image, head in np.ndindex(*attention.shape[:2]):
        for q, here in enumerate(patches):
            weights = [float(w) for w in attention[image, head, prefix + q, prefix:]]
            mass = 1.0 if convention == "probing-vits" else sum(weights)
            for weight, there in zip(weights, patches, strict=True):
                result[image, head] += weight / mass * math.dist(here, there) / len(patches)
    return result


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(
    ("batch", "grid", "prefix"), [(2, (3, 5), 1), (1, (2, 4), 5), (1, (4, 3), 0), (1, (1, 6), 1), (1, (1, 1), 1)]
)
def test_formula(convention, batch, grid, prefix):
    tokens = prefix + grid[0] * grid[1]
    attention = attention_of(batch, 3, tokens, tokens)
    found = attention_distance(attention, grid=grid, patch_size=(8, 16), prefix=prefix, convention=convention)
    expected = by_hand(attention, grid, (8, 16), prefix, convention)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    single = attention_distance(attention.float(), grid=grid, patch_size=(8, 16), prefix=prefix, convention=convention)
    torch.testing.assert_close(single, expected.float(), rtol=1e-5, atol=1e-5)


def test_uniform_attention_is_116_pixels_far():
    attention = torch.full((1, 2, 197, 197), 1 / 197, dtype=torch.float64)
    found = attention_distance(attention, grid=(14, 14), patch_size=16)
    torch.testing.assert_close(found, torch.full((1, 2), 116.492, dtype=torch.float64), rtol=0, atol=5e-4)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_identity_is_no_distance(convention):
    attention = torch.eye(13)[None, None]
    found = attention_distance(attention, grid=(3, 4), patch_size=16, convention=convention)
    torch.testing.assert_close(found, torch.zeros(1, 1), rtol=0, atol=1e-20)


def test_only_probing_vits_sees_the_weight_on_prefix_tokens():
    attention = attention_of(1, 2, 13, 13)
    sink = 0.66 * attention
    sink[..., 0] += 0.34
    options = {"grid": (3, 4), "patch_size": 16}
    for convention in ("park2023", "exact", "vit_analysis"):
        before, after = (attention_distance(a, convention=convention, **options) for a in (attention, sink))
        torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)
    before, after = (attention_distance(a, convention="probing-vits", **options) for a in (attention, sink))
    torch.testing.assert_close(after, 0.66 * before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("convention", "distance"),
    [("park2023", 8.0), ("exact", 8.0), ("probing-vits", 0.0), ("vit_analysis", 0.0)],
)
def test_queries_without_weight_on_patches(convention, distance):
    attention = torch.zeros(1, 1, 3, 3)
    attention[..., 0] = 1
    found = attention_distance(attention, grid=(1, 2), patch_size=16, convention=convention)
    torch.testing.assert_close(found, torch.tensor([[distance]]))


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 4), columns=st.integers(1, 4), prefix=st.integers(0, 3), seed=st.integers(0, 1000))
def test_transposed_image_and_scaled_patches(rows, columns, prefix, seed):
    tokens = prefix + rows * columns
    attention = attention_of(1, 2, tokens, tokens, seed=seed)
    found = attention_distance(attention, grid=(rows, columns), patch_size=(8, 16), prefix=prefix)
    order = torch.arange(rows * columns).view(rows, columns).T.flatten() + prefix
    order = torch.cat((torch.arange(prefix), order))
    transposed = attention[..., order, :][..., order]
    turned = attention_distance(transposed, grid=(columns, rows), patch_size=(16, 8), prefix=prefix)
    torch.testing.assert_close(turned, found, rtol=1e-12, atol=1e-12)
    twice = attention_distance(attention, grid=(rows, columns), patch_size=(16, 32), prefix=prefix)
    torch.testing.assert_close(twice, 2 * found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_measured_in_float32(dtype):
    attention = attention_of(2, 3, 13, 13, dtype=dtype)
    found = attention_distance(attention, grid=(3, 4), patch_size=16)
    torch.testing.assert_close(found, attention_distance(attention.float(), grid=(3, 4), patch_size=16))


def test_autocast_changes_nothing():
    attention = attention_of(1, 3, 13, 13, dtype=torch.float32)
    expected = attention_distance(attention, grid=(3, 4), patch_size=16)
    with torch.autocast("cpu", torch.bfloat16):
        found = attention_distance(attention, grid=(3, 4), patch_size=16)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_memory_layout_and_batch_axes_are_free():
    attention = attention_of(2, 3, 13, 13)
    expected = attention_distance(attention, grid=(3, 4), patch_size=16)
    scattered = attention.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)
    found = attention_distance(scattered, grid=(3, 4), patch_size=16)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    deeper = attention_distance(attention[:, None], grid=(3, 4), patch_size=16)
    torch.testing.assert_close(deeper, expected[:, None], rtol=1e-12, atol=1e-12)
    none = attention_distance(attention[0], grid=(3, 4), patch_size=16)
    torch.testing.assert_close(none, expected[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("strength", [30, 43, 60, 75, 80, 85, 88])
def test_exact_means_exact_where_patches_hold_almost_nothing(strength):
    """e^-88 is below the smallest normal number of float32: the epsilon that is none must not outweigh it."""
    logits = behind_a_sink(strength)
    found, expected = (
        attention_distance(weights, grid=(2, 8), patch_size=16, convention="exact")
        for weights in (logits.softmax(-1), logits.double().softmax(-1))
    )
    torch.testing.assert_close(found.double(), expected, rtol=2e-5, atol=0)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_nan_stays_in_its_image(convention):
    attention = attention_of(2, 3, 13, 13)
    attention[0, 1, 5, 6] = torch.nan
    found = attention_distance(attention, grid=(3, 4), patch_size=16, convention=convention)
    assert found.isnan().tolist() == [[False, True, False], [False] * 3]


def test_no_gradient_leaves():
    attention = attention_of(1, 1, 13, 13).requires_grad_()
    assert not attention_distance(attention, grid=(3, 4), patch_size=16).requires_grad


def test_errors_name_the_mistake():
    attention = attention_of(1, 1, 13, 13)
    with pytest.raises(ValueError, match=r"grid=\(3, 4\) has 12 patches, but .* 13 keys.*prefix=1 would fit"):
        attention_distance(attention, grid=(3, 4), patch_size=16, prefix=0)
    with pytest.raises(ValueError, match=r"grid=\(4, 4\) has 16 patches.*check grid=\(rows, columns\)"):
        attention_distance(attention, grid=(4, 4), patch_size=16)
    with pytest.raises(ValueError, match=r"grid=\(-3, -4\).*check grid"):
        attention_distance(attention, grid=(-3, -4), patch_size=16)
    with pytest.raises(ValueError, match="12 query rows, but tokens 0 to 13 of 13 were expected"):
        attention_distance(attention[..., 1:, :], grid=(3, 4), patch_size=16)
    with pytest.raises(ValueError, match=r"convention='park' is not known.*did you mean 'park2023'"):
        attention_distance.over_queries.sums(
            attention, queries=slice(0, 13), grid=(3, 4), patch_size=16, prefix=1, convention="park"
        )


def test_golden_official_notebook(golden):
    arrays = np.load(golden / "ops.npz")
    for case in json.loads(str(arrays["names"]))["attn"]:
        side = int(case[1:].split("_")[0])
        attention = torch.from_numpy(arrays[f"attn/{case}"])
        found = attention_distance(attention, grid=(side, side), patch_size=16)
        expected = torch.from_numpy(arrays[f"distance/{case}"])
        scale = expected.abs().clamp_min(1)
        torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=1e-5, check_dtype=False)
        found = attention_distance(attention.double(), grid=(side, side), patch_size=16)
        torch.testing.assert_close(found, torch.from_numpy(arrays[f"distance_f64/{case}"]), rtol=1e-12, atol=1e-12)
