"""GPT-2 on the label of a query: errors against the number of examples, in training and under shifts, beside baselines and theory."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.style import SETTINGS, as_cells, choose, colours

LOWEST = 1e-4   # of a panel: least squares without noise is exact from D examples on
GREY = "#777777"
LEAST_SQUARES = {"color": "#009E73", "linestyle": (0, (3, 1, 1, 1)), "linewidth": 1.2, "marker": "s", "markersize": 3}
TESTS = {"fixed": r"$\mathcal{N}(0, I)$", "random": "random covariance", "skewed": "non-isotropic", "noisy": "noisy labels",
         "orthant": "examples in one orthant"}
POSITIONS = {"learned": "learned positions", "none": "no positions"}


def draw_gpt2_shift(errors: xr.Dataset, theory: xr.Dataset, *, title: str) -> Figure:
    """A row for each training law and kind of positions, a column for each test law.

    Parameters
    ----------
    errors : xarray.Dataset
        As `cotdepth.label_evaluation.evaluate_predictors` makes it, cells combined on (train_law, n_context, positions).
    theory : xarray.Dataset
        As `cotdepth.label_theory.summarise_shift` makes it, cells combined on train_law.
    title : str
        Title over the figure.
    """
    cells, limits = as_cells(errors), as_cells(theory)
    rows = list(dict.fromkeys((cell.train_law.item(), cell.positions.item()) for cell in cells))
    tests, shades = errors.test_law.values.tolist(), dict(zip(sorted({cell.n_context.item() for cell in cells}), colours(8)))
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(len(rows), len(tests), figsize=(1 + 3.1 * len(tests), 1.5 + 2.6 * len(rows)), squeeze=False,
                                    layout="constrained", sharex="row", sharey="col")  # fmt: skip
        for row, (law, positions) in zip(axes, rows):
            chosen, [limit] = choose(cells, {"train_law": law, "positions": positions}), choose(limits, {"train_law": law})
            for panel, test in zip(row, tests):
                heading = f"tested on {_test(test)}\ntrained on {TESTS[law]}, {POSITIONS[positions]}"
                _draw_panel(panel, [cell.sel(test_law=test) for cell in chosen], float(limit.error.sel(test_law=test)), shades, heading)
        for test, panels in zip(tests, axes.T):
            shown = errors.error_mean.sel(test_law=test, model=["gpt2", "zero"]), theory.error.sel(test_law=test)
            _scale(panels[0], np.concatenate([values.values.ravel() for values in shown]),
                   errors.error_mean.sel(test_law=test, model="least squares").values)  # fmt: skip
        figure.suptitle(title, fontsize=11)
        figure.legend(handles=_key(shades), loc="outside lower center", ncols=min(3, len(tests)))
        return figure


def _test(law):
    kind, _, scale = law.partition("-")
    return TESTS[kind] + (f" x {scale}" if scale else "")


def _draw_panel(axes, cells, limit, shades, title):
    baselines = cells[0].isel(seed=0)
    axes.plot(baselines.n_context_test, _drawn(baselines, "least squares"), **LEAST_SQUARES)
    axes.plot(baselines.n_context_test, _drawn(baselines, "zero"), color=GREY, linestyle=(0, (1, 1)), linewidth=1.2)
    if limit > LOWEST:
        axes.axhline(limit, color="black", linestyle=(0, (5, 2)), linewidth=1.2)
    for cell in cells:
        shade = shades[cell.n_context.item()]
        for seed in cell.seed.values:
            one = cell.sel(seed=seed, model="gpt2")
            axes.errorbar(one.n_context_test, one.error_mean, one.error_standard_error, color=shade, marker="o", markersize=2.5)
        axes.axvline(cell.n_context.item(), color=shade, linestyle=(0, (1, 1.5)), linewidth=1)
    axes.set(yscale="log", title=title, xlabel="examples before the query", ylabel=r"error $(y - \hat y)^2 / D$")
    axes.title.set_fontsize(7.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _drawn(cell, model):
    """Means of a baseline, where they are not 0 but for rounding."""
    mean = cell.error_mean.sel(model=model)
    return mean.where(mean > LOWEST)


def _scale(axes, errors, least_squares):
    """One scale for a column: all of these errors, and of least squares no more: its mean is infinite near D noisy examples."""
    shown = errors[errors > LOWEST]
    lowest = min(shown.min(), least_squares[least_squares > LOWEST].min(initial=np.inf))
    axes.set_ylim(lowest / 2, shown.max() * 2)


def _key(shades):
    models = [Line2D([], [], color=shade, marker="o", markersize=2.5, label=f"GPT-2 trained at $n = {length}$ (dotted), standard error")
              for length, shade in shades.items()]
    return [
        *models,
        Line2D([], [], **LEAST_SQUARES, label="baseline: least squares (0 or above the panel where not drawn)"),
        Line2D([], [], color=GREY, linestyle=(0, (1, 1)), label="baseline: the answer 0"),
        Line2D([], [], color="black", linestyle=(0, (5, 2)), label="theory: linear attention, infinite prompts (0 where not drawn)"),
    ]
