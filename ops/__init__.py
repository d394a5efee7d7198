"""From tensors of one layer to numbers and pictures (`ops.plots`); nothing here knows of models."""

from .attention_distance import attention_distance
from .attention_entropy import attention_entropy
from .attention_magnitudes import attention_magnitudes
from .attention_nmi import attention_nmi
from .bootstrap import bootstrap_interval, resampled_means
from .class_attention_statistics import class_attention_statistics
from .common_movement import common_movement
from .expanded_tail import expanded_tail
from .explained_variance import explained_variance
from .featuremap_variance import featuremap_variance
from .fourier import diagonal_frequencies, relative_log_amplitude
from .frequency_noise import frequency_noise
from .jackknife import jackknife_interval
from .knn import knn_predict
from .nearest_image import nearest_image
from .patch_attention import patch_attention
from .projection import token_pca, token_transformation, token_tsne
from .query_attention import query_attention
from .similarity import depth_similarity, head_similarity, token_similarity
from .singular_spectrum import Covariance, singular_spectrum
from .token_spread import token_spread

__all__ = [
    "Covariance",
    "attention_distance",
    "attention_entropy",
    "attention_magnitudes",
    "attention_nmi",
    "bootstrap_interval",
    "class_attention_statistics",
    "common_movement",
    "depth_similarity",
    "diagonal_frequencies",
    "expanded_tail",
    "explained_variance",
    "featuremap_variance",
    "frequency_noise",
    "head_similarity",
    "jackknife_interval",
    "knn_predict",
    "nearest_image",
    "patch_attention",
    "query_attention",
    "relative_log_amplitude",
    "resampled_means",
    "singular_spectrum",
    "token_pca",
    "token_similarity",
    "token_spread",
    "token_transformation",
    "token_tsne",
]
