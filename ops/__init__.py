"""From tensors of one layer to numbers and pictures; nothing here knows of models."""

from .attention_distance import attention_distance
from .attention_entropy import attention_entropy
from .attention_map import query_attention
from .attention_nmi import attention_nmi
from .class_attention_statistics import class_attention_statistics
from .patch_attention import patch_attention

__all__ = [
    "attention_distance",
    "attention_entropy",
    "attention_nmi",
    "class_attention_statistics",
    "patch_attention",
    "query_attention",
]
