"""Linear classifiers on frozen features, many at once."""
