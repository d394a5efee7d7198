"""Commands of `python -m probing` that make what experiments read: to be pasted, or run for `--train`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ..applicable import NotApplicable
from ..settings import Settings

BY_HAND = {"shape-bias": "it needs cue-conflict images"}
"""Commands that `--train` does not run, and why."""

ON_PROBES = {"frequency-noise": (), "shifted": ("--textures", "amplitude-swapped")}
"""Commands that need probes first, and what they are told besides."""

TRAINING = "training"  # folder in that of the experiment's results
WITHOUT_LABELS = "sample"
RUNS = "runs"  # folder of what the user makes, in commands to be pasted
DRAWN = "shapes"  # images with masks that need no download


def pasted(settings: Settings, what: str, models: Sequence[str]) -> tuple[list[str], list[str]]:
    """Commands as the user may type them, and the folders of what was asked for.

    PATH stands for images that the run does not name.
    """
    data = "PATH" if settings.data == WITHOUT_LABELS else _whole(settings.data)
    if what == "dense" and settings.data == WITHOUT_LABELS:
        data = DRAWN
    if what == "shape-bias":
        data = "PATH/TO/CUE-CONFLICT"
    typed = _commands(what, models, data, f"{data}/test", Path(RUNS))
    lines = [shlex.join(["python", "-m", "probing", *words]) for words in typed]
    return lines, [words[-1] for words in typed if words[0] == what]


def train(settings: Settings, what: str, models: Sequence[str]) -> list[Path]:
    """Run the commands for models that have no results; folders of what was asked for.

    Args:
        settings: of the run; the trainings go to the folder `training` in that of its results.
        what: command of `python -m probing`.
        models: names that `models.load_model` takes.
    Raises:
        NotApplicable: the images have no labels.
        ValueError: a training ended with an error, which stderr tells.
    """
    from probing.__main__ import main

    data, test = (_masked(settings), "") if what == "dense" else _labelled(settings)
    out = (settings.out or Path(RUNS)) / TRAINING
    folders = []
    for words in _commands(what, models, data, test, out):
        of = words[2:3] if what == "finetune" else models
        typed = [*words[: words.index("--out")], *_running(settings, of), *words[words.index("--out") :]]
        command = shlex.join(["python", "-m", "probing", *typed])
        print(command)
        if status := main(typed):
            raise ValueError(f"`{command}` ended with status {status}; its message stands above")
        folders.append((words[0], Path(typed[typed.index("--out") + 1])))
    return [folder for name, folder in folders if name == what]


def _commands(what: str, models: Sequence[str], data: str, test: str, out: Path) -> list[list[str]]:
    """Words behind `python -m probing`, `--out` and its folder last."""
    if what == "finetune":
        folders = [what] if len(models) == 1 else _folders(what, models)
        return [
            [what, "--model", model, "--data", data, "--out", str(out / folder)]
            for model, folder in zip(models, folders, strict=True)
        ]
    if what not in ON_PROBES:
        return [[what, "--model", *models, "--data", data, "--out", str(out / what)]]
    probes = str(out / "layers")
    rest = [what, "--probes", probes, "--data", test, *ON_PROBES[what], "--out", str(out / what)]
    return [["layers", "--model", *models, "--data", data, "--out", probes], rest]


def _folders(what: str, models: Sequence[str]) -> list[str]:
    """One folder for each model, named as figures name it.

    >>> _folders("finetune", ["moco", "mini-moco"])
    ['finetune-moco', 'finetune-mini-moco']
    """
    from probing.inputs import file_name
    from study.loading import shown_names

    return [f"{what}-{file_name(shown)}" for shown in shown_names(models)]


def _running(settings: Settings, models: Sequence[str]) -> list[str]:
    """What the run says of images, device and heads, in the words of the command for these models."""
    from study.loading import tells_heads

    typed = [] if settings.images is None else ["--limit", str(settings.images)]
    if settings.num_heads is not None and not all(map(tells_heads, models)):
        typed += ["--num-heads", str(settings.num_heads)]
    typed += [] if settings.device == "auto" else ["--device", settings.device]
    typed += ["--batch-size", str(settings.batch_size), "--workers", str(settings.workers), "--dtype", settings.dtype]
    return [*typed, "--overwrite"] if settings.overwrite else typed


def _labelled(settings: Settings) -> tuple[str, str]:
    """Training and test images with classes: (what --data takes, where the test images are).

    Raises:
        NotApplicable: there are no labels.
    """
    from probing.data import labelled_images, train_and_test

    if settings.data == WITHOUT_LABELS:
        raise NotApplicable(
            f"--train with --data {settings.data}: these photographs have no classes to train on; give a folder or zip "
            "with train and test, one folder for each class in them, or a data set such as cifar10"
        )
    data = _whole(settings.data)
    try:
        test = train_and_test(data, None)[1]
        labelled_images(test, limit=settings.images)
    except ValueError as error:
        raise NotApplicable(f"--train with --data {settings.data}: {error}") from error
    return data, test


def _masked(settings: Settings) -> str:
    """Images with masks: those that the user names, or drawn ones.

    Raises:
        NotApplicable: there are no masks.
    """
    from probing.dense.data import masked_images, train_and_test_masks

    if settings.data == WITHOUT_LABELS:
        return DRAWN
    data = _whole(settings.data)
    try:
        masked_images(train_and_test_masks(data, None)[1], limit=1)
    except (OSError, ValueError) as error:
        raise NotApplicable(
            f"--train with --data {settings.data}: {error}; a dense probe needs images with masks, such as {DRAWN}, "
            "pets or voc"
        ) from error
    return data


def _whole(where: str) -> str:
    """The folder or zip that holds training and test images, where one of its parts is named."""
    from probing.data import TESTS

    path = Path(where)
    return str(path.parent) if path.name in TESTS else where
