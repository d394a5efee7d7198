"""One published checkpoint: where it is, what it is, and how its images were prepared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from .normalisation import IMAGENET_MEAN, IMAGENET_STD

IN1K = "ImageNet-1k"
IN22K = "ImageNet-22k"
FACEBOOK = "https://dl.fbaipublicfiles.com"


def timm_options(**arguments: object) -> Mapping[str, object]:
    """Read-only arguments of `timm.create_model`."""
    return MappingProxyType(arguments)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What is known of one published set of weights; nothing in it is guessed, `None` means not known.

    Args:
        name: `architecture.tag`, timm's own name where timm hosts the weights.
        architecture: name for `timm.create_model`.
        options: further arguments of `timm.create_model`; what the shapes of a file cannot tell stands here.
        family: format of the file, one of mocov3, simmim, mae, dino, beit, beitv2, dinov2, ibot,
            ijepa, supervised, mini.
        method: what the paper calls it.
        data: images it was trained on.
        urls: addresses of the same bytes in the order to try, `https://...` or `gdrive:<file id>`.
        filename: name in the cache folder and on a mirror; empty when there is no file.
        bytes: size of the file.
        sha256: of the file, 64 hexadecimal digits.
        hash_prefix: what is known of a hash when sha256 is not: `md5:8cad7c` or `sha256:b5f2ef4d`.
        mean, std: normalisation of the three channels after scaling to [0, 1].
        crop_pct: side of the centre crop over the shorter side after resizing.
        interpolation: of that resizing.
        licence: SPDX name as the authors give it.
        paper: arXiv number.
        saw_labels: whether class labels touched any of these weights.
        timm_hosted: whether `timm.create_model(name, pretrained=True)` knows them.
        positions: how they begin, "drawn" at random or the fixed "sine-cosine" table.
        packaged: whether the file stands in the `mini` folder beside this module.
        note: anything that a user should know before drawing conclusions.
    """

    name: str
    architecture: str
    family: str
    method: str
    data: str
    licence: str
    paper: str
    filename: str = ""
    options: Mapping[str, object] = field(default_factory=timm_options)
    urls: tuple[str, ...] = ()
    bytes: int | None = None
    sha256: str | None = None
    hash_prefix: str | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    crop_pct: float = 0.875
    interpolation: str = "bicubic"
    saw_labels: bool = False
    timm_hosted: bool = False
    positions: Literal["drawn", "sine-cosine"] = "drawn"
    packaged: bool = False
    note: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The urls as a browser opens them."""
        return tuple(browser_address(url) for url in self.urls)


def browser_address(url: str) -> str:
    """Address to paste into a browser: `gdrive:<id>` becomes Google Drive's page of that file."""
    if url.startswith("gdrive:"):
        return f"https://drive.google.com/file/d/{url.removeprefix('gdrive:')}/view"
    return url
