"""All entries of trained value and score matrices, with the blocks of the simplified layer marked."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cotdepth.figures.style import SETTINGS, as_cells

LARGEST = 1.5           # of the colours
PARTS = ("$x$", "$y$", "$w_k$", "1")


def draw_learned_matrices(layers: xr.Dataset, *, title: str) -> Figure:
    """Two rows, ``V`` and ``W``, and a column for each number of tasks and examples; the first seed, and numbers over all seeds.

    Parameters
    ----------
    layers : xarray.Dataset
        As `cotdepth.full_structure.structure` makes it, cells combined on n_tasks; the first kind of guess is drawn.
    title : str
        Title over the figure.
    """
    cells = [cell.isel(guess=0).sel(n_context=length) for cell in as_cells(layers) for length in cell.n_context.values]
    with plt.rc_context(SETTINGS | {"axes.grid": False}):
        figure, axes = plt.subplots(2, len(cells), figsize=(1 + 3 * len(cells), 7.4), squeeze=False, layout="constrained")
        for column, cell in zip(axes.T, cells):
            for panel, name in zip(column, "VW"):
                where = f"$M = {cell.n_tasks.item()}$, $n = {int(cell.n_context)}$"
                mesh = _draw_matrix(panel, cell[name].isel(seed=0).values, f"${name}$, {where}")
            column[0].set_xticks([])
            column[1].set_xlabel(_in_words(cell), fontsize=8)
        figure.colorbar(mesh, ax=axes, extend="both", label="entry (first seed)", shrink=0.8)
        figure.suptitle(title, fontsize=12)
        return figure


def _draw_matrix(axes, matrix, title):
    dim = len(matrix) // 2 - 1
    mesh = axes.imshow(matrix, cmap="RdBu_r", vmin=-LARGEST, vmax=LARGEST)
    edges = np.array([dim, dim + 1, 2 * dim + 1]) - 0.5
    for edge in edges:
        axes.axhline(edge, color="#888888", linewidth=0.6)
        axes.axvline(edge, color="#888888", linewidth=0.6)
    middles = [(dim - 1) / 2, dim, dim + 1 + (dim - 1) / 2, 2 * dim + 1]
    axes.set_xticks(middles, PARTS)
    axes.set_yticks(middles, PARTS)
    axes.set_title(title)
    axes.tick_params(length=0)
    return mesh


def _in_words(cell):
    """What the simplified layer has, over seeds."""
    parts = {"$|W_{13}|$": cell.score_identity, "$|W_{24}|$": cell.marker_score, "$|V_{31}|$": cell.value_identity,
             "largest other": cell.largest_other}  # fmt: skip
    lines = [f"{name}: {_over_seeds(np.abs(values))}" for name, values in parts.items()]
    unreversed = f"seeds with no reversed direction: {float(cell.unreversed_fraction):.0%}"
    return "\n".join(["diagonals, median over seeds (range):", *lines, unreversed])


def _over_seeds(values):
    return f"{float(values.median()):.2f} ({float(values.min()):.2f} to {float(values.max()):.2f})"
