"""Fully trained attention: error after many steps over tasks and examples, what seeds differ in, and errors against depth."""

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.style import SETTINGS, as_cells, choose

DECADES = (-4, 4)       # of the error in a map
SPREAD = (0, 2)         # decades between seeds in a map
CURVES = (1e-5, 1e4)    # of a panel of curves, at most: beyond, rare prompts carry the mean
GUESSES = {"fresh": "fresh guesses", "fixed": "a guess for each task", "zero": "guess 0"}


def draw_attention_phase(measured: xr.Dataset, theory: xr.Dataset | None, *, depth: int, panels: list[dict], title: str) -> Figure:
    """A row for each model and kind of guess: two maps, and a panel of curves for each number of tasks chosen.

    Parameters
    ----------
    measured : xarray.Dataset
        As `cotdepth.full_evaluation.over_seeds` makes it, cells combined on (model, n_tasks).
    theory : xarray.Dataset
        As `cotdepth.theory.trained_attention.summarise_training` makes it, of the same cells or some of them; None where there is none.
    depth : int
        Of the first map.
    panels : list of dict
        Cells whose curves are drawn.
    title : str
        Title over the figure.
    """
    cells, predicted = ([_of_one_model(cell) for cell in as_cells(shown)] if shown is not None else [] for shown in (measured, theory))
    rows = list(dict.fromkeys((cell.model.item(), guess) for cell in cells for guess in GUESSES if guess in cell.guess))
    shown = {row: [cell for wanted in panels for cell in choose(_cells_of(cells, *row), wanted)] for row in rows}
    columns = 2 + max(map(len, shown.values()))
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(len(rows), columns, figsize=(3.7 * columns, 1 + 3.5 * len(rows)), squeeze=False, layout="constrained")
        for line, row in zip(axes, rows):
            _draw_row(figure, line, _cells_of(cells, *row), shown[row], _cells_of(predicted, *row), depth)
        figure.suptitle(title, fontsize=12)
        figure.legend(handles=_key(bool(predicted)), loc="outside lower center", ncols=2)
        return figure


def _of_one_model(cell):
    """Without the lengths and guesses that only other cells have, and with one mask, the paper's if there are several."""
    name = "seed_median" if "seed_median" in cell else "error"
    own = cell.dropna("n_context", how="all", subset=[name]).dropna("guess", how="all", subset=[name])
    return own.sel(mask="history" if "history" in own.mask else own.mask[0]) if "mask" in own.dims else own


def _cells_of(cells, model, guess):
    """Cells of a model that have a kind of guess, at that guess."""
    return [cell.sel(guess=guess) for cell in choose(cells, {"model": model}) if guess in cell.guess]


def _draw_row(figure, row, cells, shown, predicted, depth):
    model, guess, mask = cells[0].model.item(), GUESSES[cells[0].guess.item()], cells[0].mask.item()
    lengths = np.unique(np.concatenate([cell.n_context for cell in cells])).astype(int)
    on_map = [cell.reindex(n_context=lengths).sel(k=depth) for cell in cells]
    _draw_map(figure, row[0], on_map, float(cells[0].error_mean.sel(k=0).median()), f"{model}, {guess}: median error at $k = {depth}$")
    _draw_seeds(figure, row[1], on_map, f"spread over seeds (mask: {mask})")
    for axes, cell in zip(row[2:], shown):
        tasks = cell.n_tasks.item()
        _draw_curves(axes, cell, choose(predicted, {"n_tasks": tasks}), f"{model}, {guess}, $M = {tasks}$")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7)
    for axes in row[2 + len(shown) :]:
        axes.set_axis_off()


# --- maps ---------------------------------------------------------------------------------------------------------


def _draw_map(figure, axes, cells, start, title):
    error = np.array([cell.seed_median for cell in cells]).T                     # (n_context, n_tasks)
    norm = TwoSlopeNorm(np.log10(start), *DECADES)
    mesh = axes.pcolormesh(np.clip(np.log10(error), *DECADES), cmap="RdBu_r", norm=norm)
    for (row, col), value in np.ndenumerate(error):
        dark = abs(norm(np.clip(np.log10(value), *DECADES)) - 0.5) > 0.3
        axes.text(col + 0.5, row + 0.5, _short(value), ha="center", va="center", fontsize=7, color="white" if dark else "black")
    bar = figure.colorbar(mesh, ax=axes, extend="both", label=r"$\log_{10}$ error (white: first guess)")
    bar.ax.axhline(np.log10(start), color="black", linewidth=0.8)
    _label_map(axes, cells, title)


def _draw_seeds(figure, axes, cells, title):
    decades, unreversed = (np.array([cell[name] for cell in cells]).T for name in ("seed_decades", "unreversed_fraction"))
    mesh = axes.pcolormesh(np.clip(decades, *SPREAD), cmap="cividis", vmin=SPREAD[0], vmax=SPREAD[1])
    for (row, col), fraction in np.ndenumerate(unreversed):
        axes.text(col + 0.5, row + 0.5, "" if np.isnan(fraction) else f"{fraction:.2g}", ha="center", va="center", fontsize=7,
                  color="white" if decades[row, col] < np.mean(SPREAD) else "black")  # fmt: skip
    figure.colorbar(mesh, ax=axes, extend="max", label="decades from lowest to highest seed")
    _label_map(axes, cells, title + "\nand fraction with no reversed direction")


def _label_map(axes, cells, title):
    lengths, tasks = cells[0].n_context.values, [cell.n_tasks.item() for cell in cells]
    axes.set_xticks(np.arange(len(tasks)) + 0.5, [str(count) for count in tasks])
    axes.set_yticks(np.arange(len(lengths)) + 0.5, [str(length) for length in lengths])
    axes.set(xlabel="training tasks $M$", ylabel="examples $n$", title=title)
    axes.title.set_fontsize(9)
    axes.tick_params(length=0)
    axes.grid(False)


def _short(value):
    """Two digits, in five characters; nothing for what was not measured."""
    if not np.isfinite(value):
        return "inf" if value == np.inf else ""
    return f"{value:.2g}" if 0.01 <= value < 100 else f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


# --- curves -------------------------------------------------------------------------------------------------------


def _draw_curves(axes, cell, predicted, title):
    lengths = cell.n_context.values
    shades = colormaps["viridis"](np.linspace(0, 0.9, len(lengths)))
    for shade, length in zip(shades, lengths):
        at = cell.sel(n_context=length)
        axes.fill_between(at.k, at.seed_lowest, at.seed_highest, color=shade, alpha=0.2, linewidth=0)
        axes.plot(at.k, at.seed_median, color=shade, label=f"$n = {int(length)}$")
        axes.plot(at.k, at.seed_median_of_means, color=shade, linestyle=(0, (1, 1.5)), linewidth=1)
        for each in [each for each in predicted if length in each.n_context]:
            axes.plot(each.k, each.error.sel(n_context=length), color=shade, linestyle=(0, (4, 2)), linewidth=1)
    shown = np.concatenate([line.get_ydata() for line in axes.lines])
    low, high = shown[np.isfinite(shown)].min(), shown[np.isfinite(shown)].max()
    axes.set(yscale="log", ylim=(max(low / 2, CURVES[0]), min(high * 2, CURVES[1])), xlim=(0, float(cell.k[-1])), title=title,
             xlabel="depth $k$ (steps)", ylabel=r"error $|w - w_k|^2 / D$")  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _key(with_theory):
    grey = {"color": "#555555"}
    words = "inf: more than half of the prompts have left the range of numbers; white: so have all seeds"
    theory = [Line2D([], [], **grey, linestyle=(0, (4, 2)), linewidth=1, label="theory of the mean of the simplified layer")]
    return [
        Line2D([], [], **grey, label="experiment: median over prompts, then over seeds"),
        Line2D([], [], color="#bbbbbb", linewidth=7, label="experiment: medians of all seeds"),
        Line2D([], [], **grey, linestyle=(0, (1, 1.5)), linewidth=1, label="experiment: mean over prompts, median over seeds"),
        *theory[: int(with_theory)],
        Line2D([], [], linestyle="", label=words),
    ]
