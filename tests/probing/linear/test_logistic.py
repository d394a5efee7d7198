"""Logistic regression against scikit-learn's, trained alone on the same features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from probing.linear.logistic import logistic_regression, standardisation, standardised


def problem(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(5, (300,), generator=generator)
    centres = torch.randn(5, 12, generator=generator)
    features = centres[labels] + 1.5 * torch.randn(300, 12, generator=generator)
    return features.to(dtype), labels


def loss(features, labels, weight, bias, penalty):
    logits = features.double() @ weight.double().T + bias.double()
    return (
        torch.nn.functional.cross_entropy(logits, labels).item() + penalty / 2 * weight.double().square().sum().item()
    )


@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_optimum_is_scikit_learns(penalty, dtype):
    features, labels = problem(dtype)
    weight, bias, value = logistic_regression(features, labels, classes=5, penalty=penalty)
    model = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-8, max_iter=5000)
    model.fit(features.double().numpy(), labels.numpy())
    expected = loss(features, labels, torch.from_numpy(model.coef_), torch.from_numpy(model.intercept_), penalty)
    assert value == pytest.approx(loss(features, labels, weight, bias, penalty), rel=1e-5)
    assert value == pytest.approx(expected, abs=1e-4 if dtype == torch.float32 else 1e-8)
    same = (features @ weight.T + bias).argmax(1).numpy() == model.predict(features.double().numpy())
    assert same.mean() > 0.995


def test_warm_start_ends_at_the_same_optimum():
    features, labels = problem(torch.float64)
    cold = logistic_regression(features, labels, classes=5, penalty=1e-3)
    start = logistic_regression(features, labels, classes=5, penalty=1e-1)[:2]
    warm = logistic_regression(features, labels, classes=5, penalty=1e-3, start=start)
    assert warm[2] == pytest.approx(cold[2], abs=1e-9)


def test_standardisation():
    features, _ = problem()
    found = standardised(features, *standardisation(features)).numpy()
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(0), 1, rtol=1e-5)


def test_errors():
    features, labels = problem()
    with pytest.raises(ValueError, match="penalty=0; expected above 0"):
        logistic_regression(features, labels, classes=5, penalty=0)
    with pytest.raises(ValueError, match="300 labels up to 4 for 300 images of 4 classes"):
        logistic_regression(features, labels, classes=4, penalty=1)
