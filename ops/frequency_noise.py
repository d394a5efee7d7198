"""Noise in one band of spatial frequencies, to ask which frequencies a model depends on."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def frequency_noise(
    images: Float[Tensor, "*batch row column"],
    *,
    frequency: float,
    epsilon: float,
    width: float = 0.1,
    sign: bool = True,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*batch row column"]:
    """Images with noise added in one band of frequencies, in units of the images; not clamped.

        noisy = images + Re IFFT2(band * FFT2(delta)),    delta = epsilon sign(normal)

    The band is a square ring in the spectrum, its edges whole numbers of bins: on a side of n pixels the
    outer one at int((frequency + width / 2) n / 2) bins from frequency 0 and the inner one at
    int((frequency - width / 2) n / 2), cut to 0 ... n / 2; an edge at m takes in bins -m to m - 1. Bands
    whose centres are `width` apart tile the spectrum.

    Args:
        images: the tensor the model is fed; the sources' are normalised by mean and standard deviation.
        frequency: centre of the band in units of pi, 0 to 1 (1 is Nyquist); the sources' 0.1 pi is 0.1 here.
        epsilon: size of delta *before* it is filtered, in units of `images`. No default: Park et al. do not
            state theirs; 0.007 and 0.7 are in use.
        width: full width of the ring in units of pi; twice the half-width s of the original code.
        sign: plus or minus epsilon in each pixel; otherwise normal with standard deviation epsilon.
        generator: source of the noise, on the device of the images.
    Returns:
        In the dtype of the images.
    Raises:
        ValueError: a band that is outside 0 ... 1 or narrower than one bin, or images of whole numbers.
    Source: Park & Kim 2022 (arXiv:2202.06709), fig. 2b; Park et al. 2023 (arXiv:2305.00729). Width: 0.1 pi
        as in the latter, taken as the full width, so that bands at 0.1, 0.2 ... tile.

    >>> images = torch.zeros(1, 3, 8, 8)
    >>> frequency_noise(images, frequency=0.5, epsilon=0.0).abs().max()
    tensor(0.)
    """
    if not images.is_floating_point():
        raise ValueError(
            f"images has dtype {images.dtype}; expected floating point, as the model is fed, and epsilon in the same "
            "units: apply the model's transform first"
        )
    band = _band(images.shape[-2:], frequency, width, images.device)
    dtype = torch.promote_types(images.dtype, torch.float32)
    delta = torch.randn(images.shape, generator=generator, dtype=dtype, device=images.device)
    delta = epsilon * (delta.sign() if sign else delta)
    noise = torch.fft.ifft2(torch.fft.fft2(delta) * band).real
    return (images + noise).to(images.dtype)


def _band(size: torch.Size, frequency: float, width: float, device: torch.device) -> Bool[Tensor, "row column"]:
    """True in the ring, in the order of `fft2`."""
    if not 0 <= frequency <= 1 or not 0 < width <= 2:
        raise ValueError(
            f"frequency={frequency}, width={width}; expected 0 to 1 and above 0, both in units of pi: for radians "
            f"divide by pi, for a half-width double it"
        )
    band = _square(size, frequency + width / 2, device) & ~_square(size, frequency - width / 2, device)
    if not band.any():
        raise ValueError(
            f"width={width} at frequency={frequency} holds no frequency bin of images of {tuple(size)} pixels; "
            f"bins are {2 / max(size):.3g} apart in units of pi, so take a wider band"
        )
    return band


def _square(size: torch.Size, edge: float, device: torch.device) -> Tensor:
    """True where both frequencies are inside `edge`, in units of pi."""
    inside = []
    for pixels in size:
        bins = torch.fft.fftfreq(pixels, 1 / pixels, device=device).round()
        # Rounding first: 0.35 * 20 and (0.4 - 0.05) * 20 are the same edge.
        last = min(max(int(round(edge * pixels / 2, 9)), 0), (pixels + 1) // 2)
        inside.append((bins >= -last) & (bins < last))
    return inside[0][:, None] & inside[1]
