"""Our own way to randomise textures: outlines of one image, mixture of frequencies of another."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def amplitude_swapped(
    image: Float[Tensor, "*batch row column"], other: Float[Tensor, "*batch row column"]
) -> Float[Tensor, "*batch row column"]:
    """The phases of an image with the amplitudes of another: its outlines, the other's mixture of frequencies.

        FFT2(swapped) = |FFT2(other)| exp(i angle FFT2(image)),    at frequency 0 that of the image itself

    Mean colours stay those of the image, so it makes no difference whether pixels or normalised values are swapped.
    Nothing is clamped. Where an amplitude of the image is 0, its phase counts as 0.

    This is **our own** way to randomise textures, for those who do not have Stylized ImageNet. It is no transfer of
    style: numbers from it are to be compared with each other only, never with those of Stylized ImageNet.

    Raises:
        ValueError: the two differ in size.
    Source: ours, after Oppenheim & Lim 1981 ("The importance of phase in signals"), who show that phases carry the
        outlines; Chen et al. 2021 (arXiv:2108.08487) recombine amplitudes and phases to train networks.
    """
    if image.shape != other.shape:
        raise ValueError(f"images of {tuple(image.shape)} and {tuple(other.shape)}; expected the same size")
    own, others = torch.fft.fft2(image.double()), torch.fft.fft2(other.double())
    mixed = torch.polar(others.abs(), own.angle())
    mixed[..., 0, 0] = own[..., 0, 0]
    return torch.fft.ifft2(mixed).real.to(image.dtype)
