"""The delete-a-group jackknife against its formula in loops, Student's t of SciPy, and a mean, where it is exact."""

import pytest
import torch
from scipy.stats import t

from ops import jackknife_interval
from ops.jackknife import student_quantile


def test_against_loops():
    torch.manual_seed(3)
    values, without = torch.rand(2, 3, dtype=torch.float64), torch.rand(5, 2, 3, dtype=torch.float64)
    low, high = jackknife_interval(values, without=without)
    for row in range(2):
        for column in range(3):
            left = [float(part[row, column]) for part in without]
            mean = sum(left) / 5
            error = (4 / 5 * sum((one - mean) ** 2 for one in left)) ** 0.5
            half = float(t.ppf(0.975, 4)) * error
            assert float(high[row, column] - values[row, column]) == pytest.approx(half, rel=1e-3)
            assert float(values[row, column] - low[row, column]) == pytest.approx(half, rel=1e-3)


def test_of_a_mean_it_is_the_usual_interval():
    numbers = torch.randn(12, dtype=torch.float64)
    without = torch.stack([(numbers.sum() - one) / 11 for one in numbers])
    low, high = jackknife_interval(numbers.mean(), without=without)
    half = t.ppf(0.975, 11) * float(numbers.std()) / 12**0.5
    assert float(high - low) / 2 == pytest.approx(half, rel=1e-5)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 19, 200])
@pytest.mark.parametrize("probability", [0.9, 0.975])
def test_students_t(freedom, probability):
    assert student_quantile(probability, freedom) == pytest.approx(float(t.ppf(probability, freedom)), rel=5e-3)


def test_errors_and_gaps():
    with pytest.raises(ValueError, match="without has 1 group; expected at least 2"):
        jackknife_interval(torch.zeros(2), without=torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"level=95; expected a share"):
        jackknife_interval(torch.zeros(2), without=torch.zeros(3, 2), level=95)
    low, high = jackknife_interval(torch.zeros(2), without=torch.tensor([[1.0, torch.nan], [1.0, 0.0]]))
    assert low[0] == high[0] == 0 and low[1].isnan() and high[1].isnan()
