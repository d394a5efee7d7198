"""Multinomial logistic regression on all images at once: a quick, deterministic answer, without a learning rate."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import minimize
from torch import Tensor

from .probes import EPSILON

GRADIENT = 1e-6  # largest component at which an optimum counts as found


def logistic_regression(
    features: Float[Tensor, "image channel"],
    labels: Int[Tensor, " image"],
    *,
    classes: int,
    penalty: float,
    iterations: int = 2000,
    start: tuple[Tensor, Tensor] | None = None,
) -> tuple[Float[Tensor, "label channel"], Float[Tensor, " label"], float]:
    """Weight and bias with the smallest loss, and that loss in nats.

        loss = mean over images of cross-entropy + penalty / 2 * |weight|^2

    The bias is not penalised. scikit-learn's `LogisticRegression(C=1 / (penalty * images))` has the same optimum.

    Args:
        features: one row for each image, best standardised.
        labels: class of each, from 0.
        classes: number of classes.
        penalty: above 0, which makes the optimum the only one.
        iterations: of L-BFGS, at most.
        start: weight and bias to begin with, such as those of another penalty; zeros by default.
    Raises:
        ValueError: a penalty that is not above 0, or labels that do not fit.
    Source: scipy's L-BFGS-B; loss and gradient are computed in the precision and on the device of the features.
    """
    if not penalty > 0:
        raise ValueError(f"penalty={penalty}; expected above 0, such as 1e-4: without one there may be no optimum")
    if len(labels) != len(features) or (len(labels) and int(labels.max()) >= classes):
        raise ValueError(
            f"{len(labels)} labels up to {int(labels.max())} for {len(features)} images of {classes} classes; expected "
            "one for each image, from 0 to classes - 1"
        )
    channels = features.shape[1]
    target = torch.zeros(len(labels), classes, dtype=features.dtype, device=features.device)
    target[torch.arange(len(labels)), labels] = 1

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = _unpacked(flat, classes, channels, features)
        shares = torch.log_softmax(torch.addmm(bias, features, weight.T), dim=1)
        loss = -(shares * target).sum(dtype=torch.float64) / len(labels)
        difference = (shares.exp_() - target) / len(labels)
        gradient = torch.cat([(difference.T @ features + penalty * weight).flatten(), difference.sum(0)])
        loss = loss.item() + penalty / 2 * weight.double().square().sum().item()
        return loss, gradient.double().cpu().numpy()

    begin = np.zeros(classes * (channels + 1))
    if start is not None:
        begin = torch.cat([start[0].flatten(), start[1]]).double().cpu().numpy()
    found = minimize(
        loss_and_gradient,
        begin,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "gtol": GRADIENT, "ftol": 1e-12, "maxls": 50},
    )
    weight, bias = _unpacked(found.x, classes, channels, features)
    return weight, bias, float(found.fun)


def standardisation(
    features: Float[Tensor, "image channel"],
) -> tuple[Float[Tensor, " channel"], Float[Tensor, " channel"]]:
    """Mean and variance of each channel over the images (divisor N), computed in float64."""
    variance, mean = torch.var_mean(features.double(), dim=0, correction=0)
    return mean.to(features.dtype), variance.to(features.dtype)


def standardised(features: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """(features - mean) / sqrt(variance + EPSILON)."""
    return (features - mean) * (variance + EPSILON).rsqrt()


def _unpacked(flat: np.ndarray, classes: int, channels: int, like: Tensor) -> tuple[Tensor, Tensor]:
    values = torch.from_numpy(flat).to(like.device, like.dtype)
    return values[: classes * channels].view(classes, channels), values[classes * channels :]
