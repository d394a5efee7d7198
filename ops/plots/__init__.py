"""Figures from arrays: functions that take `ax`, draw on it and return it; none calls `show()`."""

from .clouds import token_cloud, token_tsne
from .curves import depth_curve, frequency_curve, paper_curve, reference_line
from .maps import attention_map, attention_maps, photograph
from .pictures import pca_picture
from .references import uniform_distance, uniform_entropy
from .spectra import spectrum
from .styles import ModelStyle, model_style

__all__ = [
    "ModelStyle",
    "attention_map",
    "attention_maps",
    "depth_curve",
    "frequency_curve",
    "model_style",
    "paper_curve",
    "pca_picture",
    "photograph",
    "reference_line",
    "spectrum",
    "token_cloud",
    "token_tsne",
    "uniform_distance",
    "uniform_entropy",
]
