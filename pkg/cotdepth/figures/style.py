"""The look that all figures share."""

import matplotlib
import numpy as np
import xarray as xr

matplotlib.use("agg")

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F"]  # Okabe-Ito, colour-blind safe
PARAMETERS = ("alpha", "tau", "sigma", "ridge")
SYMBOLS = {"alpha": r"\alpha", "tau": r"\tau", "sigma": r"\sigma", "dim": "D", "ridge": r"\lambda", "k": "k"}
SETTINGS = {
    "font.size": 9, "axes.titlesize": 10, "legend.fontsize": 8, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.6, "axes.axisbelow": True, "lines.linewidth": 1.6,
    "savefig.dpi": 160, "pdf.fonttype": 42, "legend.frameon": False,
}  # fmt: skip


def as_cells(dataset: xr.Dataset) -> list[xr.Dataset]:
    """The cells of a combined dataset one by one, in the order of their parameters.

    They may lie on a dimension ``cell`` or on a product of cell axes.
    """
    axes = ["cell"] if "cell" in dataset.dims else [name for name in PARAMETERS if name in dataset.dims]
    cells = [dataset.isel(dict(zip(axes, index))) for index in np.ndindex(*(dataset.sizes[axis] for axis in axes))]
    return sorted(cells, key=lambda cell: [float(cell[name]) for name in PARAMETERS if name in cell.coords])


def choose(cells: list[xr.Dataset], wanted: dict) -> list[xr.Dataset]:
    """The cells whose coordinates have the wanted values."""
    return [cell for cell in cells if all(np.isclose(float(cell[name]), value) for name, value in wanted.items())]


def describe(values: dict) -> str:
    """``{"alpha": 2.0, "tau": 4.0}`` as text for a legend or a title."""
    return ", ".join(f"${SYMBOLS[name]} = {float(value):g}$".replace("inf", r"\infty") for name, value in values.items())


def differing(cells: list[xr.Dataset]) -> list[str]:
    """Which of the parameters differ between cells, so that a legend names only those."""
    names = [name for name in PARAMETERS if name in cells[0].coords]
    return [name for name in names if len({float(cell[name]) for cell in cells}) > 1]
