"""What checks ask of combined artifacts: cells by their values, and values by name, or else the reason why a claim is not run."""

import numpy as np
import xarray as xr

from cotdepth.claims.claim import NotRun


def cells(data: xr.Dataset, *axes: str) -> list[xr.Dataset]:
    """One dataset for each cell, with the values of these cell axes as scalar coordinates.

    Combined cells lie along ``cell`` where they are no full product of their axes, and else along the axes.
    """
    if "cell" in data.dims:
        return [data.isel(cell=place) for place in range(data.sizes["cell"])]
    shape = [data.sizes[axis] for axis in axes]
    return [data.isel(dict(zip(axes, place))) for place in np.ndindex(*shape)]


def cell(data: xr.Dataset, **where) -> xr.Dataset:
    """The one cell with these values of its axes; NotRun if it is not there."""
    for found in cells(data, *where):
        if all(found[axis].item() == value for axis, value in where.items()):
            return found
    raise NotRun("needs a cell with " + ", ".join(f"{axis} = {value}" for axis, value in where.items()))


def at(data, **where):
    """Values at these labels; NotRun where a label is missing."""
    for name, value in where.items():
        if value not in data[name].values:
            raise NotRun(f"needs {name} = {value}")
    return data.sel(where)


def needs(condition, what: str) -> None:
    """NotRun with this reason unless the condition is met."""
    if not condition:
        raise NotRun(f"needs {what}")
