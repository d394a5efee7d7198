"""Comparing pictures."""

import matplotlib.image
import numpy as np

LEVEL = 1 / 255
"""matplotlib's layout is solved in an order that depends on addresses: an edge may come out a level or two brighter."""


def assert_same_picture(found, expected):
    """Of two PNG files."""
    both = [matplotlib.image.imread(path) for path in (found, expected)]
    assert both[0].shape == both[1].shape
    np.testing.assert_allclose(*both, rtol=0, atol=2.5 * LEVEL)
