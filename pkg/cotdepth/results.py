"""Reading results: all cells of a stage as one labelled dataset."""

from pathlib import Path

import xarray as xr

from cotdepth.cells import read_cells
from cotdepth.combine import combine
from cotdepth.hints import nearest
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


def _cells(experiment, stage, root):
    table = root / experiment / "cells.csv"
    if not table.exists():
        there = [path.parent.name for path in root.glob("*/cells.csv")]
        none = "there are none: run snakemake, or name another folder as root"
        raise ArtifactError(f"{table}: no such experiment; {nearest(experiment, there) if there else none}")
    rows = read_cells(table)
    cells = [cell for made_by, cell in rows if made_by == stage]
    if not cells:
        raise ArtifactError(f"{table}: no stage {stage!r}; {nearest(stage, {made_by for made_by, _ in rows})}")
    return cells
