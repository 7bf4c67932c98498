"""Several cells as one dataset, on labelled axes."""

import json

import xarray as xr


def combine(cells: list[xr.Dataset]) -> xr.Dataset:
    """Datasets of several cells of a stage as one.

    Parameters
    ----------
    cells : list of xarray.Dataset
        As `cotdepth.store.open_artifact` reads them.

    Returns
    -------
    xarray.Dataset
        With the cell axes as dimensions where the cells are a full product of their values, and else a dimension ``cell``
        with the axes as its coordinates. Shorter depth grids are padded with NaN. The attribute ``axes`` names the axes.
    """
    axes = [_axes(cell) for cell in cells]
    values = {axis: list(dict.fromkeys(cell[axis] for cell in axes)) for axis in axes[0]}
    shared = {name: cells[0].attrs[name] for name in ("title", "source", "experiment", "stage")} | {"axes": list(values)}
    product = 1
    for choices in values.values():
        product *= len(choices)
    nested = _nest(cells, axes, values) if product == len(cells) else _stack(cells, axes)
    return nested.drop_attrs(deep=False).assign_attrs(shared)


def _axes(cell):
    return {axis: float(value) if value == "inf" else value for axis, value in json.loads(cell.attrs["axes"]).items()}


def _nest(cells, axes, values):
    """Join along the first axis what is nested along the others."""
    if not values:
        return cells[0]
    axis, *others = values
    parts = []
    for value in values[axis]:
        inside = [index for index, cell in enumerate(axes) if cell[axis] == value]
        part = _nest([cells[index] for index in inside], [axes[index] for index in inside], {name: values[name] for name in others})
        parts.append(_along(part, axis, value))
    return xr.concat(parts, axis, join="outer", coords="different", compat="equals", combine_attrs="override")


def _along(part, axis, value):
    """A dataset with one cell axis as a dimension of length one."""
    label = _label(part, axis)
    part = part.drop_vars(axis, errors="ignore").expand_dims({axis: [value]})
    part[axis].attrs = label
    return part


def _stack(cells, axes):
    """A dimension ``cell`` with the axes as its coordinates."""
    names = xr.DataArray([cell.attrs["cell"] for cell in cells], dims="cell", name="cell", attrs={"long_name": "cell", "units": "1"})
    parts = [cell.drop_vars(axes[0], errors="ignore") for cell in cells]
    stacked = xr.concat(parts, names, join="outer", coords="different", compat="equals", combine_attrs="override")
    return stacked.assign_coords({axis: ("cell", [cell[axis] for cell in axes], _label(cells[0], axis)) for axis in axes[0]})


def _label(cell, axis):
    return cell[axis].attrs if axis in cell.coords else {"long_name": axis, "units": "1"}
