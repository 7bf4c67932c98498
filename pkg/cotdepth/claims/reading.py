"""What claims ask of combined artifacts: cells by their parameters, values by their labels, or the reason why a claim is not run."""

import xarray as xr

from cotdepth.claims.claim import NotRun


def listed(data: xr.Dataset) -> xr.Dataset:
    """With one dimension ``cell``, whether the cells are a product of their axes or not; the axes are coordinates along it."""
    return data if "cell" in data.dims else data.stack(cell=data.attrs["axes"])


def cells(data: xr.Dataset) -> list[xr.Dataset]:
    """One dataset for each cell, its parameters as scalar coordinates."""
    along = listed(data)
    return [along.isel(cell=place) for place in range(along.sizes["cell"])]


def chosen(data: xr.Dataset, **values) -> xr.Dataset:
    """Those cells of `listed` whose axes have these values; `NotRun` where there are none."""
    along = listed(data)
    kept = [place for place in range(along.sizes["cell"]) if all(along[axis].values[place] == value for axis, value in values.items())]
    needs(kept, "a cell with " + ", ".join(f"{axis} = {value}" for axis, value in values.items()))
    return along.isel(cell=kept)


def pick(data: xr.DataArray | xr.Dataset, **labels):
    """The values at these labels; `NotRun` if one is not on its axis or the axis is not there."""
    for name, value in labels.items():
        needs(name in data.dims and value in data[name].values, f"{name} = {value}")
        data = data.sel({name: value})
    return data


def needs(condition, what: str) -> None:
    """`NotRun` with this reason unless the condition is met."""
    if not condition:
        raise NotRun(f"needs {what}")
