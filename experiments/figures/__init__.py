"""How experiments are drawn, from their tables alone."""
