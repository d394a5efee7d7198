"""Singular values of the covariance of tokens or of images, on a logarithmic scale."""

import torch
from jaxtyping import Float
from torch import Tensor

from ._precision import full_precision
from ._shapes import require_axes


@full_precision
def singular_spectrum(
    features: Float[Tensor, "*batch sample channel"],
) -> Float[Tensor, "*batch component"]:
    """Natural logarithms of the singular values of the features' covariance, largest first, in float64.

        spectrum = ln svd(cov(features)),    cov = centred^T centred / (samples - 1)

    A covariance is symmetric and positive, so these are its eigenvalues: variances along principal axes. Token
    level: the patch tokens of one image as samples, the curves of the images averaged by the caller (a
    mean of logarithms, as the paper's author describes). Image level: one mean token for each image as
    samples, all of them at once, or `Covariance` where they come in batches.

    Args:
        features: patch tokens only, or mean patch tokens; centred here.
    Returns:
        min(samples - 1, channels) values, the highest rank possible. What is numerically 0 (below the largest
        value times the larger side times 2.2e-16) stands at that threshold, and at ln(2.2e-308) = -708.4
        where all samples are equal: never -inf. NaN where a feature is not finite, for that batch entry alone.
    Raises:
        ValueError: fewer than two samples.
    Source: Park et al. 2023 (arXiv:2305.00729), fig. 7, and its author in issue 2 of the official repository.

    >>> singular_spectrum(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])).exp()
    tensor([2.6667, 0.6667], dtype=torch.float64)
    """
    require_axes("features", features, "sample channel")
    samples, channels = features.shape[-2:]
    _require_samples("features", samples)
    features = features.double()
    finite = features.isfinite().all(dim=-1).all(dim=-1)
    features = features.where(finite[..., None, None], 0)  # eigvalsh refuses the whole batch for one NaN
    centred = features - features.mean(dim=-2, keepdim=True)
    gram = centred @ centred.mT if samples <= channels else centred.mT @ centred
    spectrum = _log_eigenvalues(gram / (samples - 1), rank=min(samples - 1, channels), size=max(samples, channels))
    return spectrum.where(finite[..., None], torch.nan)


class Covariance:
    """Covariance of samples that arrive in batches and on several processes; float64, exact for any split.

    Update one with each batch, add those of all processes, then ask for the spectrum:

        covariance.update(tokens.mean(dim=1))    # image level: the mean patch token of each image
        total = mine + theirs

    Source: Park et al. 2023 (arXiv:2305.00729), fig. 7; Chan et al. 1983 for the sum of two parts.

    >>> left, right = Covariance(), Covariance()
    >>> left.update(torch.tensor([[0.0], [1.0]]))
    >>> right.update(torch.tensor([[2.0]]))
    >>> (left + right).matrix()
    tensor([[1.]], dtype=torch.float64)
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(0, dtype=torch.float64)
        self.scatter = torch.zeros(0, 0, dtype=torch.float64)

    def update(self, samples: Float[Tensor, "sample channel"]) -> None:
        """Takes in a batch of samples, of any number.

        Raises:
            ValueError: samples are not finite, have other axes, or have another number of channels than those
                before; what was gathered so far stays as it was.
        """
        cure = "one row for each image, such as tokens.mean(dim=1), or tokens.flatten(0, 1) for one row a token"
        require_axes("samples", samples, "sample channel", leading=False, cure=cure)
        bad = int((~samples.isfinite().all(dim=-1)).sum())
        if bad:
            raise ValueError(
                f"samples has {bad} of {len(samples)} rows with NaN or infinity, which would spoil the covariance "
                f"for good; leave these images out, or look for the layer that makes them"
            )
        if len(samples):
            self._merge(Covariance._of(samples.detach().double()))

    def __add__(self, other: "Covariance") -> "Covariance":
        total = Covariance()
        total._merge(self)
        total._merge(other)
        return total

    def matrix(self) -> Float[Tensor, "channel channel"]:
        """The covariance, divisor samples - 1, in squared units of the features.

        Raises:
            ValueError: fewer than two samples so far.
        """
        _require_samples("Covariance", self.count)
        return self.scatter / (self.count - 1)

    def spectrum(self) -> Float[Tensor, " component"]:
        """`singular_spectrum` of all samples: min(samples - 1, channels) values.

        The 128th value, which the paper plots, therefore needs more than 128 images.

        Raises:
            ValueError: fewer than two samples so far.
        """
        matrix = self.matrix()
        channels = len(matrix)
        rank = min(self.count - 1, channels)
        return _log_eigenvalues(matrix, rank=rank, size=max(self.count, channels))

    def distance(self) -> Float[Tensor, ""]:
        """Root mean square distance between two samples, in units of the features.

            distance = sqrt(mean_{i<j} |x_i - x_j|^2) = sqrt(2 trace(covariance))

        Raises:
            ValueError: fewer than two samples so far.
        """
        return (2 * self.matrix().trace()).sqrt()

    @classmethod
    def _of(cls, samples: Tensor) -> "Covariance":
        new = cls()
        new.count = len(samples)
        new.mean = samples.mean(dim=0)
        centred = samples - new.mean
        new.scatter = centred.T @ centred
        return new

    def _merge(self, other: "Covariance") -> None:
        if other.count == 0:
            return
        if self.count == 0:
            self.count, self.mean, self.scatter = other.count, other.mean, other.scatter
            return
        if len(self.mean) != len(other.mean):
            raise ValueError(
                f"samples have {len(other.mean)} channels after {self.count} samples with {len(self.mean)}; "
                f"a covariance is of one layer of one model: use another Covariance for each"
            )
        step = other.mean - self.mean
        count = self.count + other.count
        self.scatter = self.scatter + other.scatter + torch.outer(step, step) * (self.count * other.count / count)
        self.mean = self.mean + step * (other.count / count)
        self.count = count


def _log_eigenvalues(matrix: Tensor, *, rank: int, size: int) -> Tensor:
    """Logarithms of the `rank` largest eigenvalues in descending order, floored at what rounding leaves."""
    values = torch.linalg.eigvalsh(matrix)[..., -rank:].flip(-1)
    double = torch.finfo(torch.float64)
    floor = (values[..., :1] * (size * double.eps)).clamp_min(double.tiny)
    return values.maximum(floor).log()


def _require_samples(name: str, samples: int) -> None:
    if samples < 2:
        raise ValueError(
            f"{name} has {samples} sample{'s' * (samples != 1)}; a covariance needs at least 2 and has rank "
            f"samples - 1 at most. Image level: one row for each image, all images together."
        )
