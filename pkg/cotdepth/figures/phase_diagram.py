"""The error after many steps over data regimes, the boundary of overthinking, and trajectories in each regime."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter

from cotdepth.figures.style import SETTINGS, as_cells, choose, colours, describe, differing

DECADES = (-6, 6)  # colours saturate outside
HALO = [withStroke(linewidth=3, foreground="white")]
REGIMES = {
    "exponential": "exponential\nimprovement",
    "saturation": "saturation",
    "overthinking": "overthinking",
}
NAMES = {
    "exponential": "exponential improvement",
    "slow": "slow improvement",
    "polynomial": "polynomial improvement",
    "saturation": "saturation",
    "overthinking": "overthinking",
}


def draw_phase_diagram(map: xr.Dataset, trajectories: xr.Dataset, *, depth: int, title: str, panels: list[dict]) -> Figure:
    """Maps over (tau, alpha), one for each sigma, above; trajectories below, one plot a panel.

    Parameters
    ----------
    map, trajectories : xarray.Dataset
        As `cotdepth.theory.summary.summarise_regimes` makes them, cells combined; the map on (sigma, alpha, tau).
    depth : int
        The depth of the map.
    title : str
        Title over the figure.
    panels : list of dict
        For each plot of trajectories the parameters that they share; an empty one takes all.
    """
    with plt.rc_context(SETTINGS):
        figure = plt.figure(figsize=(10.4, 8.6), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=[1.15, 1])
        cells = as_cells(trajectories)
        palette = dict(zip(_places(cells), colours(len(cells)), strict=True))
        _draw_maps(above, map, depth, cells, palette)
        for axes, shared in zip(below.subplots(1, len(panels), squeeze=False)[0], panels):
            _draw_trajectories(axes, choose(cells, shared), shared, palette)
        figure.suptitle(title, fontsize=12)
        return figure


def _places(cells):
    """What tells trajectories apart: their place in the diagram."""
    return [tuple(float(cell[name]) for name in ("sigma", "tau", "alpha")) for cell in cells]


def _draw_maps(figure, map, depth, cells, palette):
    plots = figure.subplots(1, map.sizes["sigma"], squeeze=False, sharey=True)[0]
    for axes, sigma in zip(plots, map.sigma.values):
        shade = _draw_map(axes, map.sel(sigma=sigma, k=depth))
        _draw_boundary(axes, map.sel(sigma=sigma))
        _name_regimes(axes, map.sel(sigma=sigma).phase)
        for at_sigma, tau, alpha in _places(cells):
            if np.isclose(at_sigma, sigma):
                axes.plot(tau, alpha, "o", color=palette[at_sigma, tau, alpha], markeredgecolor="white", markersize=8, clip_on=False)
        axes.set(xscale="log", yscale="log", xlabel=r"task ratio $\tau = M/D$", title=describe({"sigma": sigma}))
        axes.grid(False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    plots[0].set_ylabel(r"context ratio $\alpha = L/D$")
    figure.legend(*plots[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    bar = figure.colorbar(shade, ax=plots, extend="both", label=rf"$\log_{{10}}$ error $E_{{{depth}}}$ ($E_0 = 1$)")
    bar.ax.axhline(0, color="black", linewidth=0.8)


def _draw_map(axes, at_depth):
    with np.errstate(divide="ignore"):
        logarithm = np.log10(at_depth.error.transpose("alpha", "tau"))
    return axes.pcolormesh(at_depth.tau, at_depth.alpha, np.clip(logarithm, *DECADES), cmap="RdBu_r", shading="nearest",
                           norm=TwoSlopeNorm(0, *DECADES), rasterized=True)  # fmt: skip


def _draw_boundary(axes, regimes):
    for name, width, dashes, label in (
        ("critical_task_ratio", 2.2, "-", r"$\tau_c$: overthinking below"),
        ("oscillation_boundary", 1, (0, (4, 2)), r"$\tau_-$ (the paper's boundary): errors oscillate and grow below"),
        ("drift_boundary", 1, (0, (1, 1)), r"$\tau_+$: errors grow steadily below"),
    ):
        axes.plot(regimes[name], regimes.alpha, color="black", linewidth=width, linestyle=dashes, path_effects=HALO, label=label)
    slow = [regimes.critical_task_ratio.sel(alpha=1, method="nearest"), regimes.tau.max()]
    axes.plot(slow, [1, 1], color="black", linewidth=0.8)
    axes.text(regimes.tau.max(), 1.03, "slow ", ha="right", va="bottom", fontsize=8)
    axes.set(xlim=(regimes.tau.min(), regimes.tau.max()), ylim=(regimes.alpha.min(), regimes.alpha.max()))


def _name_regimes(axes, phase):
    """Each regime's name at the middle of its part of the map."""
    for regime, label in REGIMES.items():
        inside = np.argwhere((phase.transpose("alpha", "tau") == regime).values)
        if len(inside):
            row, col = np.median(inside, axis=0).astype(int)
            axes.text(phase.tau[col], phase.alpha[row], label, ha="center", va="center", fontsize=9, fontweight="bold",
                      bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "boxstyle": "round,pad=0.2"})  # fmt: skip


def _draw_trajectories(axes, cells, shared, palette):
    names = differing(cells)
    for cell, place in zip(cells, _places(cells)):
        label = f"{NAMES[str(cell.phase.values)]}: {describe({name: cell[name] for name in names})}"
        axes.plot(cell.k, cell.error, color=palette[place], label=label)
    shown = np.concatenate([cell.error for cell in cells])
    room = 10 ** (0.6 * len(cells))  # above the curves, for the legend
    axes.set(yscale="log", ylim=(max(1e-6, shown.min() / 2), shown.max() * room), xlabel="depth $k$ (steps)",
             ylabel=r"error $E_k$ (theory, $D \to \infty$)", title=describe(shared) or "one trajectory in each regime")  # fmt: skip
    axes.legend(loc="upper left")
