"""Drawn shapes: the same from the same numbers, told by texture and outline and not by colour."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from probing.dense.data import masked_images
from probing.dense.shapes import CLASSES, drawn


def test_a_function_of_seed_and_index():
    one, again = drawn(seed=1, index=5, side=40), drawn(seed=1, index=5, side=40)
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert one[0].shape == (40, 40, 3) and one[1].shape == (40, 40) and one[1].max() < len(CLASSES)
    others = [drawn(seed=1, index=6, side=40)[1], drawn(seed=2, index=5, side=40)[1]]
    assert all((one[1] != other).any() for other in others)


def test_any_number_of_any_size():
    pairs = masked_images("shapes-test:48", limit=3)
    assert len(pairs) == 3 and pairs[2].image.size == (48, 48) and pairs.classes == CLASSES
    assert len(masked_images("shapes")) == 400
    np.testing.assert_array_equal(pairs[2].mask, drawn(seed=1, index=2, side=48)[1])
    assert len({masked_images(name, limit=3).digest for name in ("shapes", "shapes-test", "shapes:48")}) == 3


@pytest.mark.parametrize("where", ["shapes:8", "shapes:big"])
def test_a_side_that_is_none(where):
    with pytest.raises(ValueError, match=f"{where}: expected `shapes` or `shapes:SIDE` with a side of at least 16"):
        masked_images(where)


@pytest.fixture(scope="module")
def pixels():
    """(colours, classes) of some pixels of 300 images, in the order of the images."""
    pairs = [drawn(seed=0, index=index, side=32) for index in range(300)]
    return np.stack([image[::4, ::4] for image, _ in pairs]) / 255, np.stack([mask[::4, ::4] for _, mask in pairs])


def test_colour_does_not_tell_the_class(pixels):
    colours, classes = (values[:200] for values in pixels), (values[200:] for values in pixels)
    (x, y), (x_test, y_test) = colours, classes
    features = lambda colours: np.concatenate([colours, colours**2], -1).reshape(-1, 6)  # noqa: E731
    probe = LogisticRegression(class_weight="balanced").fit(features(x), y.ravel())
    assert balanced_accuracy_score(y_test.ravel(), probe.predict(features(x_test))) < 0.33  # chance: 0.25


def test_neither_size_nor_number_tells_the_class(pixels):
    share = np.bincount(pixels[1].ravel(), minlength=4) / pixels[1].size
    assert 0.6 < share[0] < 0.85 and share[1:].max() < 1.6 * share[1:].min()
