"""The log of a training: one row every few steps, as a table and as TensorBoard's curves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .scalars import Scalars
from .table import POSITION, Table

LOG = "log.csv"
PLACE = (POSITION, "epoch", "step")  # where a row stands; the other columns are curves


class Log:
    """Loss, its parts, learning rate and speed over images seen, in `log.csv`.

    Args:
        folder: of the training, made where it is not there.
        position: images seen by the checkpoint that the training goes on from; what was logged beyond is cut off.
        scalars: of TensorBoard; a new one by default.
    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: str | os.PathLike[str], *, position: int = 0, scalars: Scalars | None = None) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._table = Table(Path(folder) / LOG, position=position)
        self._scalars = Scalars(Path(folder), position=position) if scalars is None else scalars

    def add(self, row: Mapping[str, float]) -> None:
        """One row: `images` (seen so far, by all processes together), `epoch`, `step`, and curves by name.

        Raises:
            ValueError: the row does not say where it stands.
        """
        missing = [name for name in PLACE if name not in row]
        if missing:
            raise ValueError(f"a row of the log has no {', '.join(missing)}; expected {', '.join(PLACE)} and curves")
        self._table.append([{**{name: row[name] for name in PLACE}, **row}])
        curves = {f"training/{name}": value for name, value in row.items() if name not in PLACE}
        self._scalars.add(curves, int(row[POSITION]))
