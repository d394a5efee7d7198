"""Paths of this machine, shortened for readers elsewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath, PureWindowsPath

KEPT = 2  # last parts of a path
INSIDE = re.compile(r"""(?<![\w./:~])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'"`,;:()]+){2,}""")


def short_path(path: str) -> str:
    """An absolute path as its last two parts, what stands before as an ellipsis; other text as it is.

    >>> short_path("/nowhere/data/cifar10.zip/test"), short_path("sample")
    ('…/cifar10.zip/test', 'sample')
    """
    for kind in (PurePosixPath, PureWindowsPath):
        whole = kind(path)
        if whole.is_absolute():
            parts = whole.parts[1:]
            return "…/" + "/".join(parts[-min(KEPT, max(1, len(parts) - 1)) :]) if parts else path
    return path


def short_paths(text: str) -> str:
    """A sentence with every absolute path in it shortened.

    >>> short_paths("read from /nowhere/runs/a/log.csv (of https://host/a/b)")
    'read from …/a/log.csv (of https://host/a/b)'
    """
    return INSIDE.sub(lambda found: short_path(found.group()), text)


def short_command(command: str) -> str:
    """A command line with its absolute paths shortened; it is exact where it has none.

    >>> short_command("python -m experiments run --out /nowhere/my/run --data '/a b/c/d'")
    'python -m experiments run --out …/my/run --data …/c/d'
    """
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation mark that is never closed
        return short_paths(command)
    return " ".join(_quoted(_short_word(word)) for word in words)


def _short_word(word: str) -> str:
    option, sign, value = word.partition("=")
    return f"{option}={short_path(value)}" if sign and option.startswith("--") else short_path(word)


def _quoted(word: str) -> str:
    return word if word and shlex.quote(word.replace("…", "")) == word.replace("…", "") else shlex.quote(word)
