"""Linear attention trained with chain of thought: the test error on the way, and how long prompts must be for an error."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cotdepth.figures.style import SETTINGS, as_cells, choose, colours

SUPERVISIONS = {"teacher": "steps of gradient descent, then $w$", "unrolled": "$w$ after each own step"}
ABOUT = "mean over test prompts after as many steps of thought as in training; line: median over seeds, band: their range"
HIGHEST = 1e2   # of a panel: beyond, rare prompts carry the mean


def draw_cot_training(errors: xr.Dataset, *, title: str) -> Figure:
    """A row for each supervision; a panel for each depth of a task with several lengths, one for a task with one, and the shortest prompts
    of the first task with several lengths.

    Parameters
    ----------
    errors : xarray.Dataset
        As `cotdepth.chain_evaluation.shortest_prompts` makes it, cells combined on (train_covariance, train_depth).
    title : str
        Title over the figure.
    """
    cells = [cell.dropna("n_context", how="all", subset=["seed_median"]) for cell in as_cells(errors)]
    tasks = list(dict.fromkeys(cell.train_covariance.item() for cell in cells))
    panels = [panel for task in tasks for panel in _panels(choose(cells, {"train_covariance": task}))]
    several = [cell for cell in cells if cell.sizes["n_context"] > 1]
    compared = choose(several, {"train_covariance": several[0].train_covariance.item()}) if several else []
    columns, rows = len(panels) + bool(compared), errors.supervision.values
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(len(rows), columns, figsize=(3.6 * columns, 0.9 + 3.1 * len(rows)), squeeze=False, layout="constrained")
        for row, supervision in zip(axes, rows):
            for panel, chosen in zip(row, panels):
                _draw_training(panel, [(cell.sel(supervision=supervision), label) for cell, label in chosen], _heading(chosen, supervision))
            if compared:
                _draw_shortest(row[-1], [cell.sel(supervision=supervision) for cell in compared])
        figure.suptitle(f"{title}\n{ABOUT}", fontsize=11)
        return figure


def _panels(cells):
    """Curves of each panel, as (what to draw, label)."""
    if all(cell.sizes["n_context"] == 1 for cell in cells):
        return [[(cell.isel(n_context=0), f"$k = {cell.train_depth.item()}$") for cell in cells]]
    return [[(cell.sel(n_context=length), f"$n = {int(length)}$") for length in cell.n_context.values] for cell in cells]


def _heading(chosen, supervision):
    task, depths = chosen[0][0].train_covariance.item(), {cell.train_depth.item() for cell, _ in chosen}
    shared = f"$k = {depths.pop()}$" if len(depths) == 1 else f"$n = {int(chosen[0][0].n_context)}$"
    return f"{task}, {shared}\n{SUPERVISIONS[supervision]}"


def _draw_training(axes, chosen, title):
    for colour, (cell, label) in zip(colours(len(chosen)), chosen):
        at = cell.sel(k=cell.train_depth.item())
        axes.fill_between(at.step, at.seed_lowest, at.seed_highest, color=colour, alpha=0.25, linewidth=0)
        axes.plot(at.step, at.seed_median, color=colour, label=label)
    low, high = axes.dataLim.intervaly
    axes.set(yscale="log", ylim=(low / 1.5, min(high * 1.5, HIGHEST)), title=title, xlabel="steps of training",
             ylabel=r"test error $|w - w_k|^2 / D$")  # fmt: skip
    axes.title.set_fontsize(9)
    axes.legend(loc="best")


def _draw_shortest(axes, cells):
    """The shortest prompts for each error, side by side for each depth; a dash where none is long enough."""
    targets, longest = cells[0].target.values, max(float(cell.n_context.max()) for cell in cells)
    for place, (colour, cell) in enumerate(zip(colours(len(cells)), cells)):
        shortest = cell.shortest_prompts.sel(k=cell.train_depth.item()).values
        x, heights = np.arange(len(targets)) + (place + 0.5) * 0.8 / len(cells) - 0.4, np.nan_to_num(shortest)
        axes.bar(x, heights, width=0.8 / len(cells), color=colour, label=f"$k = {cell.train_depth.item()}$")
        for where, height in zip(x, heights):
            axes.text(where, max(height, 0) + 0.01 * longest, f"{height:.0f}" if height else "–", ha="center", va="bottom", fontsize=7)
    axes.set_xticks(np.arange(len(targets)), [f"{target:g}" for target in targets])
    axes.set(xlabel="error to reach", ylabel="shortest prompts $n$", ylim=(0, 1.35 * longest),
             title=f"{cells[0].train_covariance.item()}: fewest examples\nfor an error (–: more than any here)")
    axes.title.set_fontsize(9)
    axes.grid(False, axis="x")
    axes.legend(loc="upper left", ncols=len(cells))
