"""One file for each command of `python -m probing`: `add_arguments(parser)` and `run(options, command) -> int`."""
