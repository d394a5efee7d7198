"""Decisions for shape, for texture and for neither, counted and resampled."""

import math

import pytest
import torch

from probing.evaluation.shape_bias import bias_difference, shape_bias


def drawn(images=400, classes=16, lean=0.5):
    """Random cues; decisions follow the shape, the texture or nothing."""
    shape, texture = torch.randint(classes, (2, images))
    luck = torch.rand(images)
    decisions = torch.where(
        luck < 0.6 * lean, shape, torch.where(luck < 0.6, texture, torch.randint(classes, (images,)))
    )
    return decisions, shape, texture


def test_counts_as_a_loop_does():
    decisions, shape, texture = drawn()
    by_shape = by_texture = neither = 0
    for decision, own, other in zip(decisions.tolist(), shape.tolist(), texture.tolist(), strict=True):
        if own == other:
            continue
        by_shape += decision == own
        by_texture += decision == other
        neither += decision not in (own, other)
    found = shape_bias(decisions, shape, texture)
    counts = [int(which.sum()) for which in (found.shape, found.texture, found.neither)]
    assert counts == [by_shape, by_texture, neither]
    assert sum(counts) == len(found.shape) == int((shape != texture).sum()) < 400
    assert found.bias == pytest.approx(by_shape / (by_shape + by_texture), rel=1e-15)


def test_interval_covers_and_is_of_the_ratio():
    """About that of a binomial share among the decided; far from one of shape over all images."""
    found = shape_bias(*drawn(images=3000, lean=0.7))
    low, high = found.interval()
    decided = int(found.decided.sum())
    half = 1.96 * math.sqrt(found.bias * (1 - found.bias) / decided)
    assert (low, high) == pytest.approx((found.bias - half, found.bias + half), abs=half / 8)


def test_the_ends():
    shape, texture = torch.zeros(30, dtype=torch.long), torch.ones(30, dtype=torch.long)
    for decisions, bias in ((shape, 1.0), (texture, 0.0)):
        found = shape_bias(decisions, shape, texture)
        assert (found.bias, *found.interval()) == (bias, bias, bias)


def test_nothing_decided_is_nan_and_few_have_no_interval():
    shape, texture = torch.zeros(30, dtype=torch.long), torch.ones(30, dtype=torch.long)
    nothing = shape_bias(shape + 2, shape, texture)
    assert math.isnan(nothing.bias)
    assert all(math.isnan(end) for end in nothing.interval())
    assert bool(nothing.neither.all())
    decisions = shape + 2
    decisions[0] = 0
    one = shape_bias(decisions, shape, texture)
    assert one.bias == 1
    assert all(math.isnan(end) for end in one.interval())
    assert math.isnan(shape_bias(shape[:1], shape[:1], texture[:1]).interval()[0])


def test_difference_is_paired():
    decisions, shape, texture = drawn(images=600)
    first = shape_bias(decisions, shape, texture)
    assert bias_difference(first, first) == (0, 0, 0)
    turned = torch.where((decisions == texture) & (torch.rand(600) < 0.2), shape, decisions)
    second = shape_bias(turned, shape, texture)
    value, low, high = bias_difference(second, first)
    assert value == pytest.approx(second.bias - first.bias)
    assert 0 < low < value < high
    alone = sum(end - start for start, end in (first.interval(), second.interval()))
    assert high - low < alone / 2


def test_errors():
    one, two = torch.zeros(1, dtype=torch.long), torch.ones(2, dtype=torch.long)
    with pytest.raises(ValueError, match="2 decisions, 1 shapes and 1 textures"):
        shape_bias(two, one, one)
    with pytest.raises(ValueError, match="none of 2 images has a shape that differs"):
        shape_bias(two, two, two)
    with pytest.raises(ValueError, match="1 and 2 images"):
        bias_difference(shape_bias(one, one, one + 1), shape_bias(two, two, two + 1))
