"""One metric of every kind that `measure` knows: of attention, of heads, of the stream, with and without prefix."""

import ops

METRICS = {
    "distance": ops.attention_distance,
    "nmi": ops.attention_nmi,
    "entropy": ops.attention_entropy,
    "class": ops.class_attention_statistics,
    "heads": ops.head_similarity,
    "depths": ops.depth_similarity,
    "tokens": ops.token_similarity,
    "fourier": ops.relative_log_amplitude,
    "magnitudes": ops.attention_magnitudes,
    "spectrum": ops.singular_spectrum,
}
