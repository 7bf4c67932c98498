"""What depth buys on the training task: errors against depth and context length, and the exchange between the two."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from cotdepth.figures.style import SETTINGS, as_cells, colours

STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1)))
LOWEST = 1e-12   # errors below are of no use to anyone
MANY = 300   # from the shortest length to the longest, so many times: powers of ten are labels enough


def draw_scaling(theory: xr.Dataset, *, depth: int, title: str) -> Figure:
    """Four panels; a colour for each task, by hardness, and a line style for each length, depth or target.

    Parameters
    ----------
    theory : xarray.Dataset
        As `cotdepth.theory.scaling.summarise_scaling` makes it, cells combined.
    depth : int
        The second depth at which errors are drawn against context length, beside 1.
    title : str
        Title over the figure.
    """
    cells = sorted(as_cells(theory), key=lambda cell: float(cell.hardness))
    palette = colours(len(cells))
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
        lengths = _spread(theory.n_context.values)
        _draw_errors(axes[0, 0], cells, palette, lengths)
        _draw_lengths(axes[0, 1], cells, palette, [1, depth])
        _draw_exchange(axes[1, 0], cells, palette)
        _draw_test_lengths(axes[1, 1], cells, palette, lengths)
        for panel in (axes[0, 0], *axes[1]):
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.suptitle(title, fontsize=12)
        tasks = [Line2D([], [], color=colour, label=f"hardness $H = {float(cell.hardness):.3g}$") for colour, cell in zip(palette, cells)]
        figure.legend(handles=tasks, loc="outside lower center", ncols=len(tasks))
        return figure


def _spread(values):
    """At most three of the values: the ends and the middle."""
    return values[np.unique(np.linspace(0, len(values) - 1, 3).astype(int))]


def _draw_errors(axes, cells, palette, lengths):
    for colour, cell in zip(palette, cells):
        for style, length in zip(STYLES, lengths):
            chosen = cell.sel(n_context=length)
            axes.plot(cell.k, chosen.error.where(chosen.error > LOWEST), color=colour, linestyle=style)
            axes.plot(cell.k, chosen.bound.where(chosen.bound > LOWEST), color=colour, linewidth=0.6)
    axes.set(yscale="log", ylim=(LOWEST / 1e5, 3), xlabel="depth $k$ (steps)", ylabel=r"error $|w - w_k|^2 / D$",
             title="Error against depth")  # fmt: skip
    bound = Line2D([], [], color="#555555", linewidth=0.6, label=r"predicted slope: $(1 + n/(1+H))^{-2k}$")
    axes.legend(handles=[*_keys([f"$n = {length}$" for length in lengths]), bound], loc="lower right")


def _draw_lengths(axes, cells, palette, depths):
    for colour, cell in zip(palette, cells):
        for style, k in zip(STYLES, depths):
            errors = cell.error.sel(k=k)
            axes.plot(cell.n_context, errors.where(errors > LOWEST), color=colour, linestyle=style, marker="o", markersize=3)
    axes.set(xscale="log", yscale="log", xlabel="examples in a training prompt $n$", ylabel=r"error $|w - w_k|^2 / D$",
             title="Error against training length")  # fmt: skip
    between = (1, 2, 5) if cells[0].n_context[-1] <= MANY * cells[0].n_context[0] else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=between))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(handles=_keys([f"$k = {k}$" for k in depths]), loc="lower left")


def _draw_exchange(axes, cells, palette):
    targets = _spread(cells[0].target.values)
    for colour, cell in zip(palette, cells):
        for style, target in zip(STYLES, targets):
            axes.plot(cell.k, cell.context_needed.sel(target=target), color=colour, linestyle=style, marker="o", markersize=2.5)
    axes.set(yscale="log", xlabel="depth $k$ (steps)", ylabel="shortest sufficient training prompt $n$",
             title="Depth replaces training length")  # fmt: skip
    axes.legend(handles=_keys([f"error {target:g}" for target in targets]), loc="upper right")


def _draw_test_lengths(axes, cells, palette, lengths):
    for colour, cell in zip(palette, cells):
        for style, length in zip(STYLES, lengths):
            axes.plot(cell.k[1:], cell.test_context_needed.sel(n_context=length)[1:], color=colour, linestyle=style)
    axes.set(yscale="log", xlabel="depth $k$ (steps)", ylabel="examples in a test prompt $m$",
             title="Test length at which finite $m$ adds 10% to these errors")  # fmt: skip
    axes.legend(handles=_keys([f"$n = {length}$" for length in lengths]), loc="lower right")


def _keys(labels):
    return [Line2D([], [], color="#555555", linestyle=style, label=label) for style, label in zip(STYLES, labels)]
