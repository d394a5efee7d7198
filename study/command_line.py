"""What the packages' commands have in common: every complaint is one line on stderr and an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED = 130  # exit status after Ctrl-C, as shells give it


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def exit_status(command: Callable[[], int], *, stopped: str = "stopped") -> int:
    """What a command returns; 1 after an error, 130 after Ctrl-C, of which stderr tells in one line.

    Args:
        command: the work.
        stopped: what to say after Ctrl-C.
    """
    try:
        return command()
    except (OSError, ValueError, ImportError) as error:
        _close_bars()
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{stopped}", file=sys.stderr)  # on a line of its own, below a progress bar
        return INTERRUPTED


def _close_bars() -> None:
    """Close the progress bars that an error left open, so that what is written next begins a line."""
    if "tqdm" in sys.modules:
        from tqdm import tqdm

        for bar in tuple(tqdm._instances):  # pyright: ignore[reportAttributeAccessIssue]  (tqdm names them nowhere else)
            bar.close()
