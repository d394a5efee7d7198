"""Figures from arrays: functions that take `ax`, draw on it and return it; none calls `show()`."""

from .attention_grid import attention_grid
from .attention_map import attention_map, query_box
from .depth_curve import depth_curve
from .frequency_curve import frequency_curve
from .pca_picture import pca_picture
from .photograph import image_array
from .reference import paper_curve, reference_line, uniform_distance
from .spectrum import spectrum
from .style import style, together
from .token_cloud import token_cloud
from .token_scatter import token_scatter

__all__ = [
    "attention_grid",
    "attention_map",
    "depth_curve",
    "frequency_curve",
    "image_array",
    "paper_curve",
    "pca_picture",
    "query_box",
    "reference_line",
    "spectrum",
    "style",
    "together",
    "token_cloud",
    "token_scatter",
    "uniform_distance",
]
