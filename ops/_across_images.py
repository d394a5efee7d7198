"""Functions whose value for one image depends on the other images of the call."""

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar, cast, runtime_checkable

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value", covariant=True)


@runtime_checkable
class AcrossImages(Protocol[Arguments, Value]):
    """A function that wants all images in one call: other batches, other values."""

    across_images: bool

    def __call__(self, *args: Arguments.args, **options: Arguments.kwargs) -> Value: ...


def across_images(function: Callable[Arguments, Value]) -> AcrossImages[Arguments, Value]:
    """Decorator that says so: sets the attribute `across_images` to True, for callers who feed batches to see."""
    marked = cast(AcrossImages[Arguments, Value], function)
    marked.across_images = True
    return marked
