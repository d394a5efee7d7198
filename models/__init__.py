"""Published self-supervised ViTs as timm models, and a tap to look inside them."""

from .checkpoints.passport import inspect_checkpoint
from .decoder import load_decoder
from .layout import TokenLayout, token_layout
from .loading import load_model
from .taps.measure import measure
from .taps.tap import tap
from .transform import image_transform
from .weights.registry import list_models

__all__ = [
    "TokenLayout",
    "image_transform",
    "inspect_checkpoint",
    "list_models",
    "load_decoder",
    "load_model",
    "measure",
    "tap",
    "token_layout",
]
