"""Cells of a combined artifact, one by one or by their parameters."""

import xarray as xr

from cotdepth.claims.claim import NotRun


def listed(dataset: xr.Dataset) -> xr.Dataset:
    """With one dimension ``cell``, whether the cells are a product of their axes or not; the axes are coordinates along it."""
    return dataset if "cell" in dataset.dims else dataset.stack(cell=dataset.attrs["axes"])


def chosen(dataset: xr.Dataset, **values) -> xr.Dataset:
    """Those cells of `listed` whose axes have these values; `NotRun` where there are none."""
    cells = listed(dataset)
    kept = [place for place in range(cells.sizes["cell"]) if all(cells[axis].values[place] == value for axis, value in values.items())]
    if not kept:
        raise NotRun("needs a cell with " + ", ".join(f"{axis} = {value}" for axis, value in values.items()))
    return cells.isel(cell=kept)


def needed(dataset: xr.Dataset, **values) -> xr.Dataset:
    """The dataset at values on its axes; `NotRun` where one is missing."""
    for axis, value in values.items():
        if value not in dataset[axis].values:
            raise NotRun(f"needs {axis} = {value}, has {', '.join(map(str, dataset[axis].values))}")
    return dataset.sel(values)
