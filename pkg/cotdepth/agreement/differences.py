"""Relative differences between what was measured and what theory predicts, and how far they are from 0 in standard errors."""

import json
from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth import standardised as students


class Differences(NamedTuple):
    """Differences of one cell.

    Attributes
    ----------
    relative : xarray.DataArray
        Measured over predicted less one, on any labelled dimensions.
    standard_error : xarray.DataArray or None
        Its standard error, on the same dimensions; None where theory and measurement are deterministic.
    seeds : int
        Independent repetitions.
    freedom : float
        Degrees of freedom of the standard errors.
    axes : dict
        The cell's values on the cell axes.
    """

    relative: xr.DataArray
    standard_error: xr.DataArray | None
    seeds: int
    freedom: float
    axes: dict


def cell_axes(artifact: xr.Dataset) -> dict:
    """An artifact's values on the cell axes."""
    return json.loads(artifact.attrs["axes"])


def partners(artifact: xr.Dataset, others: list[xr.Dataset]) -> list[xr.Dataset]:
    """Those of another stage that agree with an artifact on all cell axes that they share."""
    axes = cell_axes(artifact)
    return [other for other in others if all(axes[name] == value for name, value in cell_axes(other).items() if name in axes)]


def standardised(cell: Differences) -> xr.DataArray:
    """Differences in standard errors (`cotdepth.standardised.standardised`); NaN where they cannot be judged."""
    if cell.standard_error is None:
        return xr.full_like(cell.relative, np.nan, dtype=float)
    return students.standardised(cell.relative, cell.standard_error, seeds=cell.seeds, freedom=cell.freedom)


def place(cell: Differences, values: xr.DataArray, index: int) -> str:
    """Where a value lies, in words: the cell's axes, and the coordinates of its flat `index`."""
    position = dict(zip(values.dims, np.unravel_index(index, values.shape), strict=True))
    inside = {name: values[name].values[at] for name, at in position.items()}
    return ", ".join(f"{name.replace('_', ' ')} = {_word(value)}" for name, value in (cell.axes | inside).items())


def _word(value):
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
