"""Errors on new tasks and on training tasks for any covariances, simulation beside the general formula, and the gaps between them."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.style import SETTINGS, as_cells, colours

GAP_DEPTHS = (1, 3, 5)


def draw_family_curves(compare: xr.Dataset, *, title: str) -> Figure:
    """One column a case: errors against depth above, gaps on new and on training tasks against dimension below.

    Parameters
    ----------
    compare : xarray.Dataset
        As `cotdepth.comparison.compare_finite_size` makes it from errors on new and on training tasks, cells combined.
    title : str
        Title over the figure.
    """
    cells = as_cells(compare)
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(3, len(cells), figsize=(1 + 3.1 * len(cells), 9), squeeze=False, layout="constrained",
                                    height_ratios=[1.5, 1, 1], sharey="row")  # fmt: skip
        for column, cell in zip(axes.T, cells):
            _draw_curves(column[0], cell.isel(dim=-1))
            for panel, tested_on in zip(column[1:], cell.tested_on.values):
                _draw_gaps(panel, cell.sel(tested_on=tested_on))
                panel.set(title=str(tested_on), xlabel="dimension $D$ (axis linear in $1/D$)")
            column[0].set_title(str(cell.case.item()))
        for panel, label in zip(axes[:, 0], (r"error $|w - w_k|^2 / D$", *2 * ["mean error / theory $-$ 1 (%)"])):
            panel.set_ylabel(label)
        figure.suptitle(title, fontsize=12)
        figure.legend(handles=_key(compare), loc="outside lower center", ncols=3)
        return figure


def _draw_curves(axes, cell):
    for colour, tested_on in zip(colours(2), cell.tested_on.values):
        one = cell.sel(tested_on=tested_on)
        axes.plot(one.k, one.theory, color=colour)
        axes.errorbar(one.k, one.error_mean, one.error_standard_error, color=colour, fmt="o", markersize=4, linewidth=1)
        axes.plot(one.k, one.error_median, color=colour, marker="^", markersize=4, markerfacecolor="white", linestyle="")
    axes.set(yscale="log", xlabel="depth $k$ (steps)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_gaps(axes, cell):
    inverse, depths = 1 / cell.dim.values, [k for k in GAP_DEPTHS if k in cell.k]
    axes.axhline(0, color="black", linewidth=0.8)
    for offset, colour, k in zip(np.linspace(-1, 1, len(depths)), colours(5)[2:], depths):
        one = cell.sel(k=k)
        axes.errorbar(inverse * (1 + 0.04 * offset), 100 * one.gap, 100 * one.gap_standard_error, color=colour, fmt="s-", markersize=4,
                      capsize=2, linewidth=1)  # fmt: skip
        limit, error = 100 * one.extrapolated_gap, 100 * one.extrapolated_gap_standard_error
        axes.errorbar([offset * inverse.max() / 40], [limit], [error], color=colour, fmt="D", markersize=5,
                      markerfacecolor="white", capsize=3)  # fmt: skip
    axes.set_yscale("symlog", linthresh=2)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xticks([0, *inverse], [r"$\infty$", *(f"{value:g}" for value in cell.dim.values)])


def _key(compare):
    grey, largest = {"color": "#555555"}, int(compare.dim[-1])
    tasks = [Line2D([], [], color=colour, linewidth=3, label=str(name)) for colour, name in zip(colours(2), compare.tested_on.values)]
    depths = [Line2D([], [], color=colour, marker="s", label=f"gap at $k = {k}$, standard error over pools")
              for colour, k in zip(colours(5)[2:], GAP_DEPTHS) if k in compare.k]  # fmt: skip
    return [
        *tasks,
        Line2D([], [], **grey, label="theory at the same $D$"),
        Line2D([], [], **grey, marker="o", linestyle="", label=f"simulation, $D = {largest}$: mean over pools"),
        Line2D([], [], **grey, marker="^", markerfacecolor="white", linestyle="", label="simulation: median over tasks and pools"),
        *depths,
        Line2D([], [], **grey, marker="D", markerfacecolor="white", linestyle="", label=r"gap extrapolated: $a + b/D + c/D^2$"),
    ]
