"""Trained linear attention against depth: experiment, theory and baselines, for short and for long test prompts."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.style import SETTINGS, colours

LOWEST, HIGHEST = 1e-13, 1e3   # of a panel, at most: beyond, rare prompts carry the mean
BASELINES = {"gradient descent": "-", "newton": (0, (4, 1.5)), "ridge": (0, (1, 1)), "least squares": (0, (3, 1, 1, 1))}
CAUTION = "* where rare prompts carry the mean, that of a sample\nlies below it and its error bar says nothing"


def draw_layer_depth(compare: xr.Dataset, baselines: xr.Dataset, *, title: str) -> Figure:
    """A row for each training covariance and one for the baselines; a column for short test prompts and one for long ones, of
    layers of which one block was trained, and one for long ones where all entries were.

    Parameters
    ----------
    compare : xarray.Dataset
        As `cotdepth.attention_comparison.compare_layers` makes it, cells combined, on (train_covariance, n_context).
    baselines : xarray.Dataset
        Errors by `cotdepth.summary.summarise` on (model, seed, n_context_test, k).
    title : str
        Title over the figure.
    """
    tasks, longest = compare.train_covariance.values, int(compare.n_context_test.max())
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(len(tasks) + 1, 3, figsize=(12, 3.6 * (len(tasks) + 1)), squeeze=False, layout="constrained")
        for row, task in zip(axes, tasks):
            chosen = compare.sel(train_covariance=task)
            if "block" in compare.trained:
                _draw_layers(row[0], chosen.sel(trained="block"), None, f"trained on {task}, $m = n$")
                _draw_layers(row[1], chosen.sel(trained="block"), longest, f"trained on {task}, $m = {longest}$")
            if "all" in compare.trained:
                _draw_drift(row[2], chosen.sel(trained="all"), longest, f"trained on {task}, all entries free, $m = {longest}$")
            for panel in row[[not panel.has_data() for panel in row]]:
                panel.set_axis_off()
        _draw_baselines(axes[-1, 0], baselines, compare.n_context.values, "baselines, $m = n$")
        _draw_baselines(axes[-1, 1], baselines, [longest], f"baselines, $m = {longest}$")
        _draw_key(axes[-1, 2], compare)
        figure.suptitle(title, fontsize=12)
        return figure


def _draw_layers(axes, layers, test_length, title):
    """Means, medians and theory of layers with a frozen ``W``; without a test length each is tested at its own."""
    best = []
    for place, (colour, length) in enumerate(zip(colours(layers.sizes["n_context"]), layers.n_context.values)):
        layer = layers.sel(n_context=length, n_context_test=test_length or length)
        axes.plot(layer.k, layer.theory_error.sel(theory="exact"), color=colour)
        if test_length:
            axes.plot(layer.k, layer.theory_error.sel(theory="leading order"), color=colour, linestyle=(0, (4, 2)), linewidth=0.8)
            axes.plot(layer.k, layer.theory_error.sel(theory="first order"), color=colour, linestyle=(0, (1, 2)), linewidth=1.2)
        _draw_means(axes, layer, colour, 0.12 * (place - (layers.sizes["n_context"] - 1) / 2))
        best.append((length, int(layer.best_depth_mean), int(layer.best_depth_median)))
    _finish(axes, layers.k, title)
    _say_best_depth(axes, best, int(layers.k[-1]))


def _draw_means(axes, layer, colour, offset):
    """Means with standard errors, filled, and medians with the range over seeds, open."""
    axes.errorbar(layer.k + offset, layer.error_mean, layer.error_standard_error, color=colour, fmt="o", markersize=4, linewidth=0.8)
    spread = np.stack([layer.error_median - layer.seed_lowest, layer.seed_highest - layer.error_median])
    axes.errorbar(layer.k + offset, layer.error_median, spread, color=colour, fmt="^", markersize=4, markerfacecolor="white", linewidth=0.8)


def _say_best_depth(axes, best, depth):
    """Where more thinking starts to hurt, in the panel."""
    for place, what in enumerate(("mean", "median")):
        depths = [found[1 + place] for found in best]
        if all(found == depth for found in depths):
            text = f"{what}: no overthinking to $k = {depth}$"
        else:   # at the largest depth it has not turned round yet
            places = [rf"\geq {found}" if found == depth else str(found) for found in depths]
            text = f"{what} overthinks: lowest at $k = {', '.join(places)}$"
        axes.text(0.03, 0.09 - 0.065 * place, text, transform=axes.transAxes, fontsize=8,
                  bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1})  # fmt: skip


def _draw_drift(axes, layers, test_length, title):
    """Layers whose ``W_24`` was trained too: they converge to the wrong point."""
    for place, (colour, length) in enumerate(zip(colours(layers.sizes["n_context"]), layers.n_context.values)):
        layer = layers.sel(n_context=length, n_context_test=test_length)
        axes.plot(layer.k, layer.pool_theory, color=colour)
        axes.plot(layer.k, layer.pool_leading_order, color=colour, linestyle=(0, (1, 1)))
        _draw_means(axes, layer, colour, 0.12 * (place - (layers.sizes["n_context"] - 1) / 2))
    weights = ", ".join(f"{float(found):.2f}" for found in layers.trained_attention_weight.mean("seed"))
    predicted = ", ".join(f"{float(found):.2f}" for found in layers.attention_weight)
    axes.text(0.03, 0.03, f"$|W_{{24}}|$ = {weights} (flow: {predicted})", transform=axes.transAxes, fontsize=8)
    _finish(axes, layers.k, title)


def _draw_baselines(axes, baselines, lengths, title):
    for colour, length in zip(colours(len(lengths)) if len(lengths) > 1 else ["#555555"], lengths):
        for name, style in BASELINES.items():
            chosen = baselines.sel(model=name, n_context_test=length)
            median, mean = chosen.error_median.median("seed"), chosen.error_mean.mean("seed")
            axes.plot(chosen.k, median.where(median > LOWEST), color=colour, linestyle=style, linewidth=1.1)
            axes.plot(chosen.k, mean.where(mean > LOWEST), color=colour, linestyle=style, linewidth=0.5, marker="o", markersize=2)
    _finish(axes, baselines.k, title)


def _finish(axes, depths, title):
    low, high = axes.dataLim.intervaly
    axes.set(yscale="log", ylim=(max(low / 30, LOWEST), min(high * 3, HIGHEST)), xlim=(-0.5, float(depths[-1]) + 0.5),
             xlabel="depth $k$ (steps)", ylabel=r"error $|w - w_k|^2 / D$", title=title)  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_key(axes, compare):
    axes.set_axis_off()
    grey = {"color": "#555555"}
    layers = [Line2D([], [], color=colour, label=f"trained at $n = {length}$") for colour, length in
              zip(colours(compare.sizes["n_context"]), compare.n_context.values)]  # fmt: skip
    marks = [
        Line2D([], [], **grey, marker="o", linestyle="", label="experiment: mean, standard error*"),
        Line2D([], [], **grey, marker="^", markerfacecolor="white", linestyle="", label="experiment: median, range over seeds"),
        Line2D([], [], **grey, label="theory: exact (right: at the trained $W_{24}$)"),
        Line2D([], [], **grey, linestyle=(0, (1, 2)), linewidth=1.2, label="theory: first order in $1/m$"),
        Line2D([], [], **grey, linestyle=(0, (4, 2)), linewidth=0.8, label=r"theory: leading order, $m \to \infty$"),
        Line2D([], [], **grey, linestyle=(0, (1, 1)), label="theory: long prompts, trained $W_{24}$"),
    ]
    names = [Line2D([], [], **grey, linestyle=style, label=f"{name} (median; dots: mean)") for name, style in BASELINES.items()]
    words = ("baselines (lower row):", r"(Newton: mean Hessian; least squares: 0 without noise)")
    heading, none = (Line2D([], [], linestyle="", label=label) for label in words)
    axes.legend(handles=[*layers, *marks, heading, *names, none], loc="upper left", fontsize=8)
    axes.text(0.04, -0.05, CAUTION, fontsize=8, transform=axes.transAxes)
