"""Gradient descent on the population loss: which step size converges."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cotdepth.figures.style import SETTINGS, as_cells, colours

HIGHEST = 1e6   # a diverging run leaves the figure here


def draw_descent(theory: xr.Dataset, *, title: str) -> Figure:
    """Distance to the optimum against steps: one panel for each task, by its largest eigenvalue.

    Parameters
    ----------
    theory : xarray.Dataset
        As `cotdepth.theory.descent.compare_step_sizes` makes it, cells combined.
    title : str
        Title over the figure.
    """
    cells = sorted(as_cells(theory), key=lambda cell: float(cell.largest_eigenvalue))
    with plt.rc_context(SETTINGS):
        figure, panels = plt.subplots(1, len(cells), figsize=(1 + 4.2 * len(cells), 4), sharey=True, squeeze=False, layout="constrained")
        for axes, cell in zip(panels[0], cells):
            _draw_runs(axes, cell)
        panels[0, 0].set_ylabel(r"distance $\|V - V_*\|_F \,/\, \|V_*\|_F$")
        figure.suptitle(title, fontsize=12)
        return figure


def _draw_runs(axes, cell):
    for colour, style, rule in zip(colours(2), ("-", (0, (4, 1.5))), cell.step_size.values):
        run = cell.sel(step_size=rule)
        label = f"{rule}: {float(run.step_length / run.step_limit):.2f} of the limit"
        axes.plot(cell.step, run.distance.where(np.isfinite(run.distance)), color=colour, linestyle=style, label=label)
    largest = float(cell.largest_eigenvalue)
    axes.set(yscale="log", ylim=(1e-8, HIGHEST), xlabel="steps of gradient descent", 
             title=rf"largest eigenvalue of $\Lambda$: {largest:.3g}")  # fmt: skip
    axes.legend(loc="upper right", title="step size")
