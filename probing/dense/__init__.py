"""Segmentation by a linear classifier on the patch tokens of a frozen model, all layers at once."""
