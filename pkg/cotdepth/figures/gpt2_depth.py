"""GPT-2 that thinks: errors against depth, and what the largest depth costs above that of training."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.style import SETTINGS, as_cells, choose, colours

SMALL = 1e-3   # differences below are drawn to scale, larger ones by their logarithm


def draw_gpt2_depth(errors: xr.Dataset, *, title: str) -> Figure:
    """A column for each training covariance, a row for each length of training prompts, and a row of the differences.

    Parameters
    ----------
    errors : xarray.Dataset
        As `cotdepth.thought_evaluation.over_seeds` makes it, cells combined on (train_covariance, n_context).
    title : str
        Title over the figure.
    """
    cells = as_cells(errors)
    tasks, lengths = ([*dict.fromkeys(cell[axis].item() for cell in cells)] for axis in ("train_covariance", "n_context"))
    with plt.rc_context(SETTINGS):
        shape, size = (len(lengths) + 1, len(tasks)), (1 + 4.6 * len(tasks), 1.2 + 3.1 * (len(lengths) + 1))
        figure, axes = plt.subplots(*shape, figsize=size, squeeze=False, layout="constrained", sharey="row")
        for column, task in zip(axes.T, tasks):
            for panel, length in zip(column, lengths):
                found = choose(cells, {"train_covariance": task, "n_context": length})
                _draw_errors(panel, found[0]) if found else panel.set_axis_off()
            _draw_overthinking(column[-1], choose(cells, {"train_covariance": task}))
        figure.suptitle(title, fontsize=11)
        figure.legend(handles=_key(), loc="outside lower center", ncols=min(2, len(tasks)))
        return figure


def _draw_errors(axes, cell):
    for place, (colour, length) in enumerate(zip(colours(cell.sizes["n_context_test"]), cell.n_context_test.values)):
        at = cell.sel(n_context_test=length)
        offset = 0.06 * (place - (cell.sizes["n_context_test"] - 1) / 2)
        axes.errorbar(at.k + offset, at.run_mean, at.run_deviation, color=colour, marker="o", markersize=3, linewidth=1.2, elinewidth=0.8,
                      label=f"$n = {int(length)}$")  # fmt: skip
        axes.plot(at.k, at.run_median, color=colour, linestyle=(0, (4, 2)), linewidth=1)
    axes.axvline(float(cell.train_depth), color="#555555", linestyle=(0, (1, 1.5)), linewidth=1)
    axes.set(yscale="log", xlabel="depth $k$ (steps)", ylabel=r"error $|w - w_k|^2 / D$",
             title=f"trained on {cell.train_covariance.item()}, $n$ up to {int(cell.n_context)} ({_seeds(cell)} seeds)")  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(title="test prompts", loc="best", ncols=2)


def _seeds(cell):
    return int(cell.error_mean.notnull().any([dim for dim in cell.error_mean.dims if dim != "seed"]).sum())


def _draw_overthinking(axes, cells):
    for colour, cell in zip(colours(len(cells)), cells):
        spread = np.stack([cell.overthinking - cell.overthinking_lowest, cell.overthinking_highest - cell.overthinking])
        axes.errorbar(cell.n_context_test, cell.overthinking, spread, color=colour, marker="o", markersize=4, linestyle="",
                      label=f"trained at $n$ up to {int(cell.n_context)}")  # fmt: skip
        known = cell.dropna("n_context_test", subset=["overthinking"])
        for length, value, best in zip(known.n_context_test.values, known.overthinking.values, known.best_depth.values):
            axes.annotate(f"$k = {int(best)}$", (length, value), (5, 4), textcoords="offset points", fontsize=7, color=colour)
    axes.axhline(0, color="#555555", linewidth=0.8)
    without = any(bool(cell.overthinking_lowest.isnull().all()) for cell in cells)
    said = " (too few seeds for an interval)" if without else ""
    axes.set(xlabel="examples in a test prompt", ylabel="median error: $k$ largest\nminus $k$ in training",
             title=f"cost of steps beyond training, {cells[0].train_covariance.item()}{said}")  # fmt: skip
    axes.title.set_fontsize(9)
    axes.set_xticks(cells[0].n_context_test.values)
    axes.margins(x=0.15, y=0.2)
    axes.set_yscale("symlog", linthresh=SMALL)
    if len(cells) > 1:
        axes.legend(loc="best")


def _key():
    grey = {"color": "#555555"}
    return [
        Line2D([], [], **grey, marker="o", markersize=3, label="mean over prompts and seeds, standard deviation over seeds"),
        Line2D([], [], **grey, linestyle=(0, (4, 2)), linewidth=1, label="median over prompts, mean over seeds"),
        Line2D([], [], **grey, linestyle=(0, (1, 1.5)), linewidth=1, label="depth in training"),
        Line2D([], [], **grey, marker="o", markersize=4, linestyle="", label="difference, 95% interval over seeds; beside: best depth"),
    ]
