"""Errors against depth, experiment beside theory, and the gap between them against dimension."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.style import SETTINGS, as_cells, choose, colours, describe, differing


def draw_depth_curves(compare: xr.Dataset, *, depth: int, title: str, panels: list[dict]) -> Figure:
    """One column a panel: errors against depth above, the gap to theory at one depth against dimension below.

    Parameters
    ----------
    compare : xarray.Dataset
        As `cotdepth.comparison.compare_finite_size` makes it, cells combined.
    depth : int
        The depth at which the gap is shown.
    title : str
        Title over the figure.
    panels : list of dict
        For each panel the parameters that its cells share; an empty one takes all.
    """
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(2, len(panels), figsize=(1 + 4.4 * len(panels), 7.4), squeeze=False, layout="constrained",
                                    height_ratios=[1.35, 1])  # fmt: skip
        for column, shared in zip(axes.T, panels):
            cells = choose(as_cells(compare), shared)
            _draw_curves(column[0], cells, shared)
            _draw_gaps(column[1], cells, depth)
        figure.suptitle(title, fontsize=12)
        figure.legend(handles=_key(compare), loc="outside lower center", ncols=1 if len(panels) == 1 else 3)
        return figure


def _draw_curves(axes, cells, shared):
    names = differing(cells) or cells[0].attrs["axes"]
    for colour, cell in zip(colours(len(cells)), cells, strict=True):
        _draw_curve(axes, cell.isel(dim=-1), colour, describe({name: cell[name] for name in names}))
    lowest = min(float(cell.theory.min()) for cell in cells)
    axes.set(yscale="log", ylim=(lowest / 30, 30), xlabel="depth $k$ (steps)", ylabel=r"error $|w - w_k|^2 / D$",
             title=describe(shared) or "all cells")  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower left")


def _draw_curve(axes, cell, colour, label):
    cell = cell.where(cell.theory.notnull(), drop=True)
    axes.plot(cell.k, cell.theory, color=colour, label=label, zorder=3)
    axes.plot(cell.k, cell.error_mean, color=colour, linestyle=(0, (1, 1)), linewidth=1.2)
    axes.fill_between(cell.k, *cell.error_quantile.isel(quantile=[0, -1]).transpose("quantile", "k"), color=colour, alpha=0.15, linewidth=0)
    few = cell.isel(k=np.unique(np.linspace(0, cell.sizes["k"] - 1, 13).astype(int)))
    spread = np.stack([few.error_median - few.pool_lowest, few.pool_highest - few.error_median])
    axes.errorbar(few.k, few.error_median, spread, color=colour, fmt="o", markersize=4, markerfacecolor="white", capsize=2, linewidth=1)


def _draw_gaps(axes, cells, depth):
    axes.axhline(0, color="black", linewidth=0.8)
    for offset, colour, cell in zip(np.linspace(-1, 1, len(cells)), colours(len(cells)), cells, strict=True):
        _draw_gap(axes, cell.sel(k=depth), colour, 1 + 0.04 * offset, offset)
    inverse = 1 / cells[0].dim.values
    axes.set_yscale("symlog", linthresh=2)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xticks([0, *inverse], [r"$\infty$", *(f"{value:g}" for value in cells[0].dim.values)])
    axes.set(xlabel="dimension $D$ (axis linear in $1/D$)", ylabel=f"mean error / theory $-$ 1 at $k = {depth}$ (%)")


def _draw_gap(axes, cell, colour, stretch, offset):
    inverse = 1 / cell.dim.values
    axes.errorbar(inverse * stretch, 100 * cell.gap, 100 * cell.gap_standard_error, color=colour, fmt="s-", markersize=4,
                  capsize=2, linewidth=1)  # fmt: skip
    limit, error = 100 * cell.extrapolated_gap, 100 * cell.extrapolated_gap_standard_error
    axes.errorbar([offset * inverse.max() / 60], [limit], [error], color=colour, fmt="D", markersize=5,
                  markerfacecolor="white", capsize=3)  # fmt: skip


def _key(compare):
    largest, low, high = int(compare.dim[-1]), *(f"{100 * float(compare['quantile'][end]):g}" for end in (0, -1))
    grey = {"color": "#555555"}
    return [
        Line2D([], [], **grey, label=r"theory, $D \to \infty$"),
        Line2D([], [], **grey, linestyle=(0, (1, 1)), label=f"experiment, $D = {largest}$: mean"),
        Line2D([], [], **grey, marker="o", markerfacecolor="white", linestyle="", label="median over tasks and pools, range over pools"),
        Patch(**grey, alpha=0.2, linewidth=0, label=f"{low}% to {high}% of tasks"),
        Line2D([], [], **grey, marker="s", linewidth=1, label="gap, standard error over pools"),
        Line2D([], [], **grey, marker="D", markerfacecolor="white", linestyle="", label=r"experiment extrapolated: $a + b/D + c/D^2$"),
    ]
