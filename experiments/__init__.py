"""One file per figure: a claim, its measurement, its drawing. `python -m experiments` runs them."""
