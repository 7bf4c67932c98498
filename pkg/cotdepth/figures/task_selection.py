"""Which tasks are selected for training, and what training on them is worth on the target."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from cotdepth.figures.style import SETTINGS, as_cells, choose, colours

HIGHEST = 1e3   # errors above leave the panel
FIXED = {"selected": ("black", "-"), "uniform": ("#7F7F7F", (0, (4, 1.5)))}


def draw_task_selection(selected: xr.Dataset, target: xr.Dataset, *, title: str) -> Figure:
    """A row for each cell: probability by task and against hardness, and for each mixture the error on the target.

    Parameters
    ----------
    selected : xarray.Dataset
        By `cotdepth.selection_results.label_selections`, cells combined.
    target : xarray.Dataset
        By `cotdepth.selection_errors.label_target_errors`, cells combined, with the same cell axes or more.
    title : str
        Title over the figure.
    """
    rows = [(_selection_of(cell, selected), cell) for cell in as_cells(target)]
    palette = dict(zip(selected.type.values, colours(selected.sizes["type"])))
    mixtures = target.mixture.values
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(len(rows), 2 + len(mixtures), figsize=(7 + 3.6 * len(mixtures), 1.5 + 2.7 * len(rows)), squeeze=False,
                                    layout="constrained")  # fmt: skip
        for panels, (chosen, errors) in zip(axes, rows):
            name = ", ".join(str(errors[axis].item()) for axis in target.attrs["axes"])
            _draw_probabilities(panels[0], chosen, palette, name)
            _draw_hardness(panels[1], chosen, palette, name)
            for panel, mixture in zip(panels[2:], mixtures):
                _draw_errors(panel, errors.error_quantile.sel(mixture=mixture), palette, f"{name}\none task per {mixture}")
        figure.legend(*axes[0, 2].get_legend_handles_labels(), loc="outside lower center", ncols=6, title="trained on (theory)")
        figure.suptitle(title, fontsize=12)
        return figure


def _selection_of(cell, selected):
    """The selection behind errors on the target."""
    [found] = choose(as_cells(selected), {axis: cell[axis].item() for axis in selected.attrs["axes"]})
    return found


def _draw_probabilities(axes, chosen, palette, reading):
    """Every task of the first set, and the mean of each type over all sets."""
    for name, colour in palette.items():
        tasks = np.flatnonzero(chosen.task_type.values == name)
        axes.plot(tasks, chosen.probability.isel(seed=0, task=tasks), ".", color=colour, markersize=3)
        axes.plot(tasks[[0, -1]], 2 * [float(chosen.type_probability.sel(type=name).mean())], color=colour, linewidth=2.5)
    axes.axhline(1 / chosen.sizes["task"], color="#7F7F7F", linestyle=(0, (4, 1.5)), linewidth=1)
    axes.set(xlabel="task", ylabel=r"probability $\pi_\ell$", title=f"{reading}\ntasks of one set")


def _draw_hardness(axes, chosen, palette, reading):
    """Types at their hardness: mean over tasks of each set, one point for each set, and the mean over sets."""
    for name, colour in palette.items():
        means = chosen.type_probability.sel(type=name)
        hardness = float(chosen.hardness[chosen.task_type == name][0])
        axes.plot(np.full(means.sizes["seed"], hardness), means, ".", color=colour, markersize=4, alpha=0.6)
        axes.plot(hardness, means.mean(), "o", color=colour, markersize=7, markeredgecolor="white")
    axes.axhline(1 / chosen.sizes["task"], color="#7F7F7F", linestyle=(0, (4, 1.5)), linewidth=1)
    hardnesses = np.unique(chosen.hardness)
    axes.set(xscale="log", ylim=(0, None), xlabel=r"hardness $\mathrm{tr}\,\Lambda / \lambda_{\min}^+$",
             ylabel=r"mean $\pi_\ell$ of a type", title=f"{reading}\ntypes, all sets")  # fmt: skip
    axes.set_xticks(hardnesses, [f"{value:.0f}" for value in hardnesses])
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_errors(axes, errors, palette, title):
    """Median and quartiles over sets."""
    styles = FIXED | {name: (colour, (0, (1.5, 1))) for name, colour in palette.items()}
    for name, (colour, style) in styles.items():
        low, median, high = errors.sel(model=name).transpose("quantile", "k").values
        axes.plot(errors.k, median, color=colour, linestyle=style, marker="o", markersize=3, label=name)
        axes.fill_between(errors.k, low, high, color=colour, alpha=0.15, linewidth=0)
    low, high = float(errors.min()), float(errors.max())
    axes.set(yscale="log", ylim=(0.9 * low, min(1.1 * high, HIGHEST)), xlabel="depth $k$ (steps)",
             ylabel=r"error on the target, $m \to \infty$", title=title)  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if high < 10:   # less than a decade: plain numbers
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
