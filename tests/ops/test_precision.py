"""What all ops on tokens share: dtypes, autocast, gradients, NaN, any split of the images."""

import pytest
import torch
from torch.testing import assert_close

from ops._precision import full_precision
from ops.attention_magnitudes import attention_magnitudes
from ops.featuremap_variance import featuremap_variance
from ops.fourier import relative_log_amplitude
from ops.similarity import depth_similarity, head_similarity, token_similarity
from ops.singular_spectrum import singular_spectrum
from ops.token_spread import token_spread

GRID = (3, 5)
OPS = {
    "head_similarity": lambda x: head_similarity(x.unflatten(-1, (4, 2)).movedim(-2, -3)),
    "depth_similarity": lambda x: depth_similarity(x, x.roll(1, dims=-1)),
    "token_similarity": token_similarity,
    "within": lambda x: token_spread(x)["within"],
    "relative_log_amplitude": lambda x: relative_log_amplitude(x, grid=GRID),
    "featuremap_variance": featuremap_variance,
    "singular_spectrum": singular_spectrum,
    "cls_magnitude": lambda x: attention_magnitudes(x, x.roll(1, dims=-1), prefix=3)["cls_magnitude"],
    "pos_magnitude": lambda x: attention_magnitudes(x, x.roll(1, dims=-2), prefix=3)["pos_magnitude"],
}


def tokens(*lead, dtype=torch.float32):
    return torch.randn(*lead, GRID[0] * GRID[1], 8, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.fixture(params=OPS)
def op(request):
    return OPS[request.param]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(op, dtype):
    half = tokens(2, dtype=dtype)
    assert_close(op(half), op(half.float()), rtol=0, atol=0)


def test_float64_stays_float64(op):
    assert op(tokens(2, dtype=torch.float64)).dtype == torch.float64
    assert_close(op(tokens(2, dtype=torch.float64)).float(), op(tokens(2)).float(), rtol=1e-5, atol=1e-5)


def test_autocast_changes_nothing(op):
    x = tokens(2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = op(x)
    assert_close(inside, op(x), rtol=0, atol=0)


def test_no_gradient_leaves(op):
    assert not op(tokens(2).requires_grad_()).requires_grad


def test_works_under_inference_mode(op):
    with torch.inference_mode():
        inside = op(tokens(2))
    assert_close(inside.clone(), op(tokens(2)))


def test_a_nan_stays_in_its_image(op):
    x = tokens(3)
    expected = op(x)
    x[1, :, 0] = torch.nan
    result = op(x)
    assert_close(result[[0, 2]], expected[[0, 2]], rtol=0, atol=0)
    assert result[1].isnan().all()


def test_leading_axes_and_splits_are_free(op):
    x = tokens(2, 5, dtype=torch.float64)
    together = op(x)
    assert_close(op(x[1]), together[1], rtol=1e-12, atol=1e-12)
    assert_close(op(x[1, 2]), together[1, 2], rtol=1e-12, atol=1e-12)
    parts = torch.cat([op(x[0, :3]), op(x[0, 3:4]), op(x[0, 4:])])
    assert_close(parts, together[0], rtol=1e-12, atol=1e-12)


def test_named_arguments_are_widened_too():
    seen = full_precision(lambda x, *, y, n: (x.dtype, y.dtype, n))
    assert seen(torch.zeros(1, dtype=torch.bfloat16), y=torch.zeros(1, dtype=torch.float16), n=3) == (
        torch.float32,
        torch.float32,
        3,
    )
    assert seen(torch.zeros(1, dtype=torch.int64), y=torch.zeros(1, dtype=torch.float64), n=3)[:2] == (
        torch.int64,
        torch.float64,
    )
