import numpy as np
import pytest

from experiments.report.maps import packed, unpacked


@pytest.mark.parametrize("sharpness", [0, 1, 6, 40])
def test_packed_maps_come_back_within_half_a_level_of_their_largest_value(sharpness):
    logits = np.random.default_rng(0).normal(size=(3, 7, 12)) * sharpness
    maps = np.exp(logits - logits.max(-1, keepdims=True))
    maps /= maps.sum(-1, keepdims=True)
    pack = packed(maps)
    back = unpacked(pack.content, maps.shape)
    difference = np.abs(back - maps)
    top = maps.max(-1, keepdims=True)
    assert (difference <= top / 510 * (1 + 1e-4)).all()  # the scale is float32
    assert pack.error == difference.max() and pack.size == 4 * -(-len(pack.content) // 3)
    np.testing.assert_allclose(back.max(-1), maps.max(-1), rtol=1e-6)
