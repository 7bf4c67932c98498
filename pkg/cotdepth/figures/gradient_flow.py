"""Gradient flow beside gradient descent and Adam, and where the flow ends from random matrices."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from cotdepth.figures.style import SETTINGS, as_cells, colours, paired

LOWEST = {"loss": 1e-9, "conserved": 1e-16, "random loss": 1e-6}  # of panels: below, rounding
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHED = (0, (4, 1.5))
GREY = {"color": "#555555"}
ENDS = {"ends above the global minimum": ("#D55E00", DASHED), "reaches the global minimum": ("black", "-"),
        "has not settled": ("#56B4E9", (0, (3, 1, 1, 1)))}  # fmt: skip


def draw_gradient_flow(theory: xr.Dataset, descent: xr.Dataset, starts: xr.Dataset, *, title: str) -> Figure:
    """Entries, loss, distance from the flow over time and over step sizes; what is conserved; losses from random matrices, where they end.

    Parameters
    ----------
    theory : xarray.Dataset
        As `cotdepth.theory.flow_summary.summarise_flow` makes it, cells combined on (covariance).
    descent : xarray.Dataset
        As `cotdepth.flow_training.train_from` makes it, of the same cells.
    starts : xarray.Dataset
        As `cotdepth.flow_random_starts.flow_from_random_starts` makes it, cells combined on (covariance, n_context).
    title : str
        Title over the figure.
    """
    paths, runs = zip(*paired([_own(cell, "excess_loss") for cell in as_cells(theory)],
                              [_own(cell, "excess_loss") for cell in as_cells(descent)]))  # fmt: skip
    random = [_own(cell, "excess_loss") for cell in as_cells(starts)]
    shown = int(np.argmax([_spread(path) for path in paths]))
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(2, 4, figsize=(17, 8.4), layout="constrained")
        _draw_entries(axes[0, 0], paths[shown], runs[shown])
        _draw_losses(axes[0, 1], paths, runs)
        _draw_distances(axes[0, 2], runs[shown])
        _draw_orders(axes[0, 3], runs)
        _draw_conserved(axes[1, 0], paths, runs)
        _draw_random_losses(axes[1, 1], min(random, key=lambda cell: float(cell.reached_fraction.mean())))
        _draw_fractions(axes[1, 2], random)
        _draw_key(axes[1, 3], paths)
        figure.suptitle(title, fontsize=12)
        return figure


def _own(cell, name):
    """Without the starts, deviations, steps and times that only other cells have: all dimensions of this variable."""
    for dim in cell[name].dims:
        cell = cell.dropna(dim, how="all", subset=[name])
    return cell


def _spread(path):
    """How different the entries are that the flow ends with."""
    entries = np.diag(path.key_query_limit)
    return entries.max() / entries.min()


def _name(cell):
    return cell.covariance.item()


def _draw_entries(axes, path, run):
    """The diagonal of the block and the value over their limits, from the first start."""
    path, run, few = path.isel(seed=0), run.isel(seed=0, step=-1), slice(None, None, 8)
    limits = np.diag(path.key_query_limit)
    for place, colour in enumerate([*colours(len(limits)), "black"]):
        value = place == len(limits)
        flow = path.value / path.value_limit if value else path.key_query[:, place, place] / limits[place]
        steps = run.value / path.value_limit if value else run.diagonal[:, place] / limits[place]
        label = "$u$" if value else f"$U_{{{place + 1},{place + 1}}}$"
        axes.plot(path.time, flow, color=colour, linestyle=DASHED if value else "-", label=label)
        axes.plot(run.time[few], steps[few], color=colour, linestyle="", marker="o", markersize=3.5)
    axes.set(xlabel="time (final decay times)", ylabel="entry over its limit", title=f"entries of the layer ({_name(path)})")
    axes.legend(loc="lower right", ncols=2)


def _draw_losses(axes, paths, runs):
    """Median over starts of the excess loss over that of the start; dashed what the paper guarantees."""
    few = slice(None, None, 10)
    for colour, path, run in zip(colours(len(paths)), paths, runs):
        axes.plot(path.time, path.excess_median, color=colour)
        axes.plot(path.time, path.bound_median, color=colour, linestyle=DASHED, linewidth=1)
        axes.plot(run.time[few], run.excess_median.isel(step=-1)[few], color=colour, linestyle="", marker="o", markersize=3.5)
    parts = [float(path.rate_fraction_median) for path in paths]
    axes.text(0.98, 0.9, f"guaranteed: {min(parts):.0e} to {max(parts):.0e}\nof the final rate", transform=axes.transAxes, ha="right",
              va="top", fontsize=8)  # fmt: skip
    axes.set(yscale="log", ylim=(LOWEST["loss"], 3), xlabel="time (final decay times)", ylabel="excess loss over that of the start",
             title="loss, and the paper's guarantee (dashed)")  # fmt: skip


def _draw_distances(axes, run):
    """Distance of descent from the flow, from the first start, for each step size."""
    run = run.isel(seed=0)
    for colour, place in zip(colours(run.sizes["step"]), range(run.sizes["step"])):
        each = run.isel(step=place)
        axes.plot(run.time[1:], each.key_query_distance[1:], color=colour, label=f"{float(each.step_taken):.2g}")
        axes.plot(run.time[1:], each.value_distance[1:], color=colour, linestyle=DASHED, linewidth=1)
    drawn = np.stack([run.key_query_distance[:, 1:], run.value_distance[:, 1:]])
    title = f"descent from the flow ({_name(run)})\n$U_{{11}}$ solid, $u$ dashed"
    axes.set(yscale="log", ylim=(drawn[drawn > 0].min() / 2, 20 * drawn.max()), xlabel="time (final decay times)", title=title,
             ylabel="distance over the norm of the limit")  # fmt: skip
    axes.legend(loc="upper right", title="step size (largest that settles)", ncols=2)


def _draw_orders(axes, runs):
    """Largest distance over time against the step size, median and range over starts."""
    for colour, marker, run in zip(colours(len(runs)), MARKERS * len(runs), runs):
        middle = run.largest_distance_median
        spread = np.stack([middle - run.largest_distance_low, run.largest_distance_high - middle])
        axes.errorbar(run.step_taken, middle, spread, color=colour, marker=marker, markersize=4, linewidth=1)
    line, at = runs[0].step_taken, float(runs[0].largest_distance_median.isel(step=-1))
    axes.plot(line, 2 * at * line / line.isel(step=-1), linestyle=(0, (1, 1.5)), label="slope 1", **GREY)
    axes.set(xscale="log", yscale="log", xlabel="step size (largest that settles)", ylabel="largest distance of $U_{11}$ over time",
             title="descent follows the flow to first order")  # fmt: skip
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="lower right")


def _draw_conserved(axes, paths, runs):
    """What the flow conserves, at most over time: not by Adam."""
    for place, (colour, path, run) in enumerate(zip(colours(len(paths)), paths, runs)):
        unit = float(path.value_limit) ** 2
        kinds = (path.conserved_largest, run.conserved_largest.isel(step=-1), np.abs(run.adam_conserved))
        for marker, size, face, found in zip(("_", "o", "X"), (14, 7, 7), (colour, "white", colour), kinds):
            axes.plot(np.full(found.size, place), np.maximum(found / unit, LOWEST["conserved"]), color=colour, linestyle="",
                      marker=marker, markersize=size, markerfacecolor=face)  # fmt: skip
    axes.set(yscale="log", ylim=(LOWEST["conserved"] / 3, 30), xlabel="covariance",
             ylabel=r"$|\, u^2 - |U_{11}|^2 \,|$ over the limit of $u^2$",
             title="conserved by the flow: bar; by descent: circle\nwhere Adam ends: cross")  # fmt: skip
    axes.set_xticks(range(len(paths)), [_name(path) for path in paths], rotation=30, ha="right")


def _draw_random_losses(axes, cell):
    """Losses from each random start, by where they end."""
    deviation = cell.start_deviation.values[-1]
    chosen = cell.sel(start_deviation=deviation)
    for seed in range(chosen.sizes["seed"]):
        settled = "reaches the global minimum" if chosen.reached[seed] else "ends above the global minimum"
        colour, style = ENDS[settled if chosen.settled[seed] else "has not settled"]
        axes.plot(chosen.time[1:], chosen.excess_loss[seed, 1:], color=colour, linestyle=style, linewidth=1, alpha=0.8)
    axes.axhline(float(chosen.single_direction_excess), linestyle=(0, (1, 1.5)), **GREY)
    axes.set(xscale="log", yscale="log", ylim=(LOWEST["random loss"], 1e2), xlabel="time (final decay times)",
             ylabel="excess loss over that of the answer 0",
             title=f"from random matrices ({_place(cell)})\nentries of deviation {deviation:g}")  # fmt: skip
    marks = [Line2D([], [], color=colour, linestyle=style, label=label) for label, (colour, style) in ENDS.items()]
    marks.append(Line2D([], [], linestyle=(0, (1, 1.5)), label="one direction answers", **GREY))
    axes.legend(handles=marks, loc="upper right")


def _draw_fractions(axes, random):
    """Fractions of random starts that reach the global minimum."""
    deviations = sorted({float(each) for cell in random for each in cell.start_deviation.values})
    for place, (colour, deviation) in enumerate(zip(colours(len(deviations)), deviations)):
        places = [at for at, cell in enumerate(random) if deviation in cell.start_deviation]
        chosen = [random[at].sel(start_deviation=deviation) for at in places]
        middle, low, high = np.array([[float(cell[f"reached_{name}"]) for cell in chosen] for name in ("fraction", "low", "high")])
        x = np.array(places) + 0.16 * (place - (len(deviations) - 1) / 2)
        axes.errorbar(x, middle, [middle - low, high - middle], color=colour, fmt="o", capsize=3, label=f"{deviation:g}")
    axes.set(ylim=(-0.05, 1.45), yticks=np.linspace(0, 1, 6), ylabel="fraction of starts", xlabel="covariance, examples in a prompt",
             title="random matrices that reach the global minimum\n(95% intervals)")  # fmt: skip
    axes.set_xticks(range(len(random)), [f"{_place(cell)}\n{cell.sizes['seed']} starts" for cell in random])
    axes.set_xlim(-0.5, len(random) - 0.5)
    axes.legend(loc="upper center", title="deviation of the entries", ncols=len(deviations))


def _place(cell):
    return f"{_name(cell)}, $N = {int(cell.n_context)}$"


def _draw_key(axes, paths):
    axes.set_axis_off()
    lines = [Line2D([], [], color=colour, label=_name(path)) for colour, path in zip(colours(len(paths)), paths)]
    marks = [
        Line2D([], [], **GREY, label="gradient flow (theory)"),
        Line2D([], [], **GREY, linestyle=DASHED, linewidth=1, label="rate that the paper guarantees"),
        Line2D([], [], **GREY, marker="o", linestyle="", label="gradient descent, the smallest step size"),
    ]
    axes.legend(handles=[*marks, *lines], loc="center left", fontsize=9)
