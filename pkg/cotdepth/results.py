"""Reading results: all cells of a stage as one labelled dataset."""

import csv
import json
from pathlib import Path

import xarray as xr

from cotdepth.config import nearest
from cotdepth.stamps import ArtifactError
from cotdepth.store import open_artifact


def open_results(experiment: str, stage: str, root: str = "results") -> xr.Dataset:
    """All cells of one stage of an experiment, combined on labelled axes.

    Parameters
    ----------
    experiment, stage : str
        Names as in the configuration, for example ``"theory-validation"`` and ``"evaluate"``.
    root : str
        The results folder.

    Returns
    -------
    xarray.Dataset
        With the cell axes as dimensions where the cells are a full product of their values, and else a dimension ``cell``
        with the axes as its coordinates. Shorter depth grids are padded with NaN.

    Raises
    ------
    ArtifactError
        If the experiment or stage is not there, or a cell is missing or damaged.

    Examples
    --------
    >>> curves = open_results("phase-diagram", "theory")            # doctest: +SKIP
    >>> curves.error.sel(sigma=0.1, k=100).plot()                   # doctest: +SKIP
    """
    paths = [Path(root) / experiment / stage / f"{cell}.nc" for cell in _cells(experiment, stage, Path(root))]
    return combine([open_artifact(path) for path in paths])


def combine(cells: list[xr.Dataset]) -> xr.Dataset:
    """Datasets of several cells as one, on their cell axes or on a dimension ``cell``: see `open_results`."""
    axes = [_axes(cell) for cell in cells]
    values = {axis: list(dict.fromkeys(cell[axis] for cell in axes)) for axis in axes[0]}
    shared = {name: cells[0].attrs[name] for name in ("title", "source", "experiment", "stage")}
    product = 1
    for choices in values.values():
        product *= len(choices)
    nested = _nest(cells, axes, values) if product == len(cells) else _stack(cells, axes)
    return nested.drop_attrs(deep=False).assign_attrs(shared)


def _cells(experiment, stage, root):
    table = root / experiment / "cells.csv"
    if not table.exists():
        there = [path.parent.name for path in root.glob("*/cells.csv")]
        raise ArtifactError(f"{table}: no such experiment; {nearest(experiment, there) if there else 'there are none, run snakemake'}")
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    cells = [row["cell"] for row in rows if row["stage"] == stage]
    if not cells:
        raise ArtifactError(f"{table}: no stage {stage!r}; {nearest(stage, {row['stage'] for row in rows})}")
    return cells


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
