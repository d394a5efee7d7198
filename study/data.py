"""Images by name: packaged photographs, Imagenette, folders and zips, with every unreadable file named."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from .archive import Source, folder_files, split_zip_path, zip_members
from .labels import file_classes, folder_classes, numbered
from .photographs import sample_files
from .pictures import SUFFIXES, UnreadablePicture, picture, without_pillow_warnings

SHOWN = 5  # broken files named in the warning; all stand in `.broken`
READ_ERRORS = (OSError, UnreadablePicture, RuntimeError)  # RuntimeError: an encrypted member of a zip


class BrokenImages(UserWarning):
    """Some files are no readable images."""


@dataclasses.dataclass(frozen=True)
class Images(Sequence[Image.Image]):
    """Readable images in a fixed order; `images[i]` is a PIL image in RGB.

    Attributes:
        where: what was opened.
        sources: where the bytes of each are.
        labels: number of the class of each, or None.
        classes: names of the classes; empty without labels.
        broken: (name, reason) of the chosen files that could not be read and are not among the images.
        digest: sha256 over the lines `sha256-of-the-file  name` of the images.
        found: how many image files there were to choose from.
    """

    where: str
    sources: tuple[Source, ...] = dataclasses.field(repr=False)
    labels: tuple[int, ...] | None = dataclasses.field(repr=False)
    classes: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]
    digest: str
    found: int

    @property
    def names(self) -> tuple[str, ...]:
        """Relative path of each image, with `/`."""
        return tuple(source.name for source in self.sources)

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Image.Image:  # pyright: ignore[reportIncompatibleMethodOverride]
        with without_pillow_warnings():
            return picture(self.sources[index].read())


def open_images(
    where: str | os.PathLike[str],
    *,
    limit: int | None = None,
    seed: int | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> Images:
    """Images of a collection or a folder. Each file is read once here, so that broken ones are known at the start.

    Args:
        where: "sample" (photographs that come with scikit-learn and scikit-image), "imagenette" (validation images of
            fastai's IMAGENETTE_160, downloaded once), a folder, a zip, or a folder inside one (`cifar10.zip/test`).
            Folders right below it are the classes, when all images lie in such.
        limit: number of images; None takes all. Evenly spaced over the sorted list, from its first on.
        seed: draws the `limit` images at random instead; same seed, same images; their order stays sorted.
        labels: file with the class of each image (of ImageNet's flat `val`, for example): `name class` on each line,
            or one class on each line in the order of the sorted names.
    Raises:
        OSError: there is no such folder or file.
        ValueError: a single file, no images in it, none of them readable, or labels that do not fit.
    """
    found = image_files(where)
    names = [source.name for source in found]
    classes = folder_classes(names, str(where)) if labels is None else file_classes(names, Path(labels))
    numbers, class_names = ([], []) if classes is None else numbered(classes)
    chosen = subset(len(found), limit, seed)
    with without_pillow_warnings(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        checked = list(pool.map(_checked, [found[index] for index in chosen]))
    good = [index for index, result in zip(chosen, checked, strict=True) if result.reason is None]
    broken = tuple((result.name, result.reason) for result in checked if result.reason is not None)
    report_broken(broken, len(chosen), str(where))
    return Images(
        where=str(where),
        sources=tuple(found[index] for index in good),
        labels=None if classes is None else tuple(numbers[index] for index in good),
        classes=tuple(class_names),
        broken=broken,
        digest=_digest([result for result in checked if result.reason is None]),
        found=len(found),
    )


def subset(count: int, limit: int | None, seed: int | None) -> list[int]:
    """Indices of `limit` of `count` images in ascending order: evenly spaced from 0 on, or drawn at random.

    Raises:
        ValueError: the limit is below 1.

    >>> subset(10_000, 250, None)[:3]
    [0, 40, 80]
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit={limit}; expected at least 1 image, or None for all")
    if limit is None or limit >= count:
        return list(range(count))
    if seed is not None:
        return sorted(random.Random(seed).sample(range(count), limit))
    return [index * count // limit for index in range(limit)]


def image_files(where: str | os.PathLike[str]) -> list[Source]:
    """All image files of a collection or a folder, unread; for `where` and the errors see `open_images`."""
    if where == "sample":
        return sample_files()
    path = _imagenette() if where == "imagenette" else Path(where).expanduser()
    inside = split_zip_path(path)
    if inside is None and path.is_file():
        raise ValueError(
            f"{path} is a single file; expected a folder or a zip of images: give its folder {path.parent}, or copy it "
            "into a folder of its own"
        )
    if inside is None and not path.is_dir():
        raise OSError(
            f"there is no folder or zip {path}; expected a path of images, `sample` (packaged photographs) or "
            "`imagenette` (downloaded once)"
        )
    found = folder_files(path) if inside is None else zip_members(*inside)
    if not found:
        raise ValueError(f"{path} holds no images; accepted are files ending in {', '.join(SUFFIXES)}")
    return found


def _imagenette() -> Path:
    try:
        from fastai.data.external import URLs, untar_data
    except ImportError as error:
        raise OSError("imagenette is fetched by fastai: pip install fastai, or give a folder of images") from error
    try:
        return Path(untar_data(URLs.IMAGENETTE_160)) / "val"
    except Exception as error:  # whatever its network library raises
        raise OSError(
            f"imagenette could not be fetched from {URLs.IMAGENETTE_160} ({error}); unpack it yourself and give the "
            "path of its val folder"
        ) from error


@dataclasses.dataclass(frozen=True)
class _Checked:
    name: str
    sha256: str
    reason: str | None


def _checked(source: Source) -> _Checked:
    try:
        content = source.read()
        picture(content)
    except READ_ERRORS as error:
        return _Checked(source.name, "", str(error) or type(error).__name__)
    return _Checked(source.name, hashlib.sha256(content).hexdigest(), None)


def _digest(images: Sequence[_Checked]) -> str:
    lines = "".join(f"{image.sha256}  {image.name}\n" for image in images)
    return hashlib.sha256(lines.encode()).hexdigest()


def report_broken(broken: Sequence[tuple[str, str]], chosen: int, where: str, *, stacklevel: int = 3) -> None:
    """Warn of (name, reason) of the files that could not be read: how many there are, and the first five.

    Args:
        broken: those of the chosen files.
        chosen: how many were chosen.
        where: they stand.
        stacklevel: of the caller to whom the warning belongs, as `warnings.warn` counts.
    Raises:
        ValueError: all are broken.
    """
    if not broken:
        return
    listed = "; ".join(f"{name}: {reason}" for name, reason in broken[:SHOWN])
    more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    text = f"{len(broken)} of {chosen} files in {where} could not be read and are left out: {listed}{more}"
    if len(broken) == chosen:
        raise ValueError(f"no readable image: {text}")
    warnings.warn(text, BrokenImages, stacklevel=stacklevel)
