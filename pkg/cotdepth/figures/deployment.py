"""Label noise and damping at test time: errors against depth for each case, and where damped steps overthink."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.style import SETTINGS, SYMBOLS, as_cells, colours, differing
from cotdepth.theory.best_depth import best_point

LARGEST = 1e4   # of a panel: beyond, rare prompts carry the mean


def draw_deployment(compare: xr.Dataset, map: xr.Dataset, *, title: str) -> Figure:
    """A panel for each case, errors of new tasks against depth, and the map of growth rates.

    Parameters
    ----------
    compare : xarray.Dataset
        As `cotdepth.comparison.compare_finite_size` makes it, cells combined on (case, step_size, sigma_test).
    map : xarray.Dataset
        As `cotdepth.theory.damping.summarise_damping` makes it.
    title : str
        Title over the figure.
    """
    cells = [cell.isel(dim=-1).sel(tested_on="new tasks") for cell in as_cells(compare)]
    cases = list(dict.fromkeys(cell.case.item() for cell in cells))
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(1, len(cases) + 1, figsize=(1.5 + 3.6 * (len(cases) + 1), 4.6), layout="constrained")
        for panel, case in zip(axes, cases):
            _draw_case(panel, [cell for cell in cells if cell.case == case], case)
        _draw_map(figure, axes[-1], map)
        figure.suptitle(title, fontsize=12)
        figure.legend(handles=_key(cells[0]), loc="outside lower center", ncols=4 if len(cases) > 1 else 2)
        return figure


def _draw_case(axes, cells, case):
    names = differing(cells) or ["step_size"]
    for colour, cell in zip(colours(len(cells)), cells):
        label = ", ".join(f"${SYMBOLS[name]} = {cell[name].item():g}$" for name in names)
        best = best_point(cell.theory)
        depth = rf"$\geq {int(best.k)}$" if best.k == cell.k[-1] else int(best.k)
        axes.plot(cell.k, cell.theory, color=colour, label=f"{label} (best $k$: {depth})", zorder=3)
        axes.plot(best.k, best, color=colour, marker="*", markersize=11, markeredgecolor="black", zorder=4)
        few = cell.isel(k=np.unique(np.linspace(0, cell.sizes["k"] - 1, 14).astype(int)))
        axes.errorbar(few.k, few.error_mean, few.error_standard_error, color=colour, fmt="o", markersize=4, linewidth=1)
        axes.plot(few.k, few.error_median, color=colour, marker="^", markersize=4, markerfacecolor="white", linestyle="")
    lowest = min(float(cell.theory.min()) for cell in cells)
    axes.set(yscale="log", ylim=(lowest / 20, min(LARGEST, 3 * max(float(cell.theory.max()) for cell in cells))), title=case,
             xlabel="depth $k$ (steps)", ylabel=r"error $|w - w_k|^2 / D$")  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower left", fontsize=7)


def _draw_map(figure, axes, found):
    size = float(np.abs(found.growth_rate).quantile(0.95))
    rate = found.growth_rate.transpose("tau", "step_size")
    mesh = axes.pcolormesh(found.step_size, found.tau, rate, cmap="RdBu_r", vmin=-size, vmax=size, shading="nearest", rasterized=True)
    axes.plot(found.step_size, found.critical_task_ratio, color="black", label=r"boundary $\tau_c$")
    axes.axhline(float(found.drift_boundary), color="black", linestyle=(0, (4, 2)), label=r"$\tau_+$: no damping helps below")
    axes.set(xlabel=r"step size $\eta$", ylabel=r"task ratio $\tau$", title="growth rate (theory, $D \\to \\infty$)",
             ylim=(float(found.tau.min()), float(found.tau.max())))  # fmt: skip
    axes.legend(loc="upper left", fontsize=7, frameon=True)
    figure.colorbar(mesh, ax=axes, extend="both", label=r"$\lim \log(E_k) / k$ (red: overthinking)")


def _key(cell):
    grey = {"color": "#555555"}
    return [
        Line2D([], [], **grey, label=f"theory, $D = {int(cell.dim)}$"),
        Line2D([], [], **grey, marker="*", markersize=11, markeredgecolor="black", linestyle="", label="best depth in theory"),
        Line2D([], [], **grey, marker="o", linestyle="", label="simulation: mean, standard error over pools"),
        Line2D([], [], **grey, marker="^", markerfacecolor="white", linestyle="", label="simulation: median over tasks and pools"),
    ]
