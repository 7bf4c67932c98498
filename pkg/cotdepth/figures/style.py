"""The look that all figures share."""

import matplotlib
import numpy as np
import xarray as xr

matplotlib.use("agg")

OKABE_ITO = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F"]  # colour-blind safe
SYMBOLS = {"alpha": r"\alpha", "tau": r"\tau", "sigma": r"\sigma", "dim": "D", "ridge": r"\lambda", "k": "k",
           "step_size": r"\eta", "sigma_test": r"\sigma_{\mathrm{test}}"}
SETTINGS = {
    "font.size": 9, "axes.titlesize": 10, "legend.fontsize": 8, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.6, "axes.axisbelow": True, "lines.linewidth": 1.6,
    "savefig.dpi": 160, "pdf.fonttype": 42, "legend.frameon": False,
}  # fmt: skip


def as_cells(dataset: xr.Dataset) -> list[xr.Dataset]:
    """The cells of a combined dataset one by one, in the order of their parameters.

    They may lie on a dimension ``cell`` or on a product of cell axes.
    """
    dims = ["cell"] if "cell" in dataset.dims else dataset.attrs["axes"]
    cells = [dataset.isel(dict(zip(dims, index))) for index in np.ndindex(*(dataset.sizes[dim] for dim in dims))]
    return sorted(cells, key=lambda cell: [cell[name].item() for name in dataset.attrs["axes"]])


def colours(count: int) -> list:
    """Colours for so many curves: the palette, or more of them from a continuous map."""
    return OKABE_ITO[:count] if count <= len(OKABE_ITO) else list(matplotlib.colormaps["viridis"](np.linspace(0, 0.95, count)))


def choose(cells: list[xr.Dataset], wanted: dict) -> list[xr.Dataset]:
    """The cells whose coordinates have the wanted values."""
    return [cell for cell in cells if all(cell[name].item() == value for name, value in wanted.items())]


def paired(cells: list[xr.Dataset], others: list[xr.Dataset]) -> list[tuple[xr.Dataset, xr.Dataset]]:
    """Cells of two stages with the same parameters, in the order of the first; what only one has is left out.

    Raises ValueError if they share none, or several of the second have the parameters of one of the first.
    """
    found = [(cell, choose(others, {name: cell[name].item() for name in cell.attrs["axes"]})) for cell in cells]
    if not any(partners for _, partners in found) or any(len(partners) > 1 for _, partners in found):
        raise ValueError(f"cells on {', '.join(cells[0].attrs['axes'])} do not pair: must have the same parameters, each once")
    return [(cell, partners[0]) for cell, partners in found if partners]


def describe(values: dict) -> str:
    """``{"alpha": 2.0, "tau": 4.0}`` as text for a legend or a title."""
    return ", ".join(f"${SYMBOLS.get(name, name)} = {_text(value)}$".replace("inf", r"\infty") for name, value in values.items())


def differing(cells: list[xr.Dataset]) -> list[str]:
    """Which cell axes differ between cells, so that a legend names only those."""
    return [name for name in cells[0].attrs["axes"] if len({cell[name].item() for cell in cells}) > 1]


def _text(value):
    value = np.asarray(value).item()
    return value if isinstance(value, str) else f"{value:g}"
