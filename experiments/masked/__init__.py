"""Masked autoencoders with what paints behind their masks."""
