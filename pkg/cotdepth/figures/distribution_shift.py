"""The trained layer under distribution shifts and on random covariances: simulation beside exact theory."""

import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cotdepth.figures.style import SETTINGS, as_cells, colours, paired

SHAPES = {"linear": "$z$", "relu": "$\\max(z, 0)$", "cubic": "$z^3$", "quadratic": "$z^2$"}
LAYERS = {"flow limit": {"marker": "o"}, "trained on samples": {"marker": "x"}}
REFERENCES = {"least squares": (0, (1, 1.2)), "ridge": (0, (5, 1.5, 1, 1.5))}
MEASURES = {"fixed_query_slope": ("slope, query fixed", "o"), "own_query_slope": ("slope, query of the prompt's covariance", "s"),
            "relative_error": ("error over that of the answer 0, the same query", "^")}  # fmt: skip
GREY = {"color": "#555555"}


def draw_distribution_shift(theory: xr.Dataset, measured: xr.Dataset, answers: xr.Dataset, simulated: xr.Dataset, *, title: str) -> Figure:
    """A panel for each case of shifts, by test length or by the scale of the covariates; two for random covariances.

    Parameters
    ----------
    theory, measured : xarray.Dataset
        As `cotdepth.theory.flow_shift.summarise_shift` and `cotdepth.shift_evaluation.measure_shift` make them, cells combined on
        (case, test_covariance, query_covariance).
    answers, simulated : xarray.Dataset
        As `cotdepth.theory.flow_answers.summarise_answers` and `cotdepth.answer_evaluation.measure_answers` make them, cells combined on
        (covariance).
    title : str
        Title over the figure.
    """
    curves = [(_trimmed(one), _trimmed(other)) for one, other in paired(as_cells(theory), as_cells(measured))]
    laws = paired(as_cells(answers), as_cells(simulated))
    cases = sorted({_case(pair) for pair in curves}, key=lambda case: _order(case, curves))
    columns = -(-(len(cases) + 3) // 2)
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(2, columns, figsize=(1 + 4.8 * columns, 9), layout="constrained")
        for panel, case in zip(axes.flat, cases):
            _draw_case(panel, [pair for pair in curves if _case(pair) == case], case)
        _draw_lengths(axes.flat[len(cases)], *laws[0])
        _draw_laws(axes.flat[len(cases) + 1], laws)
        for panel in axes.flat[len(cases) + 2 :]:
            panel.set_axis_off()
        _draw_key(axes.flat[-1])
        figure.suptitle(title, fontsize=12)
        return figure


def _trimmed(cell):
    """Without the labels, scales and lengths that only other cells have."""
    for dim in ("label", "covariate_scale", "n_context_test"):
        cell = cell.dropna(dim, how="all", subset=["seed_mean"])
    return cell.sel(label=[label for label in SHAPES if label in cell.label])


def _case(pair):
    return pair[0].case.item()


def _order(case, curves):
    """Panels over the scale last, and those of many labels first."""
    cells = [pair[0] for pair in curves if _case(pair) == case]
    return max(cell.sizes["covariate_scale"] for cell in cells), -max(cell.sizes["label"] for cell in cells), case


def _draw_case(axes, pairs, case):
    """Curves over the scale of the covariates where it varies, else over the test length."""
    scales = pairs[0][0].sizes["covariate_scale"] > 1
    over, other = ("covariate_scale", "n_context_test") if scales else ("n_context_test", "covariate_scale")
    picks = [(found, seen, {"label": label, other: each}) for found, seen in pairs
             for label in found.label.values for each in found[other].values]  # fmt: skip
    for colour, (found, seen, chosen) in zip(colours(len(picks)), picks):
        _draw_curve(axes, found.sel(chosen), seen.sel(chosen), over, colour, _told(found, chosen))
        if scales:
            _draw_references(axes, seen.sel(chosen), over, colour)
    if scales:
        found = pairs[0][0].isel(label=0)
        axes.plot(found[over], found.limit_seed_mean, color="black", linestyle=(0, (4, 1.5)), linewidth=1,
                  label=r"$M \to \infty$")  # fmt: skip
    else:
        _draw_references(axes, picks[0][1].sel(picks[0][2]), over, GREY["color"])
    axes.axhline(1, color="black", linewidth=0.7)
    text = "factor $c$ on all features" if scales else "examples in a test prompt, $M$"
    axes.set(xscale="log", yscale="log", xlabel=text, ylabel="squared error over that of the answer 0", title=case)
    _ticks(axes, pairs[0][0][over].values)
    axes.legend(loc="best", fontsize=7)


def _draw_curve(axes, found, seen, over, colour, label):
    """Theory, means of both kinds of layers with standard errors, and the median over prompts."""
    axes.plot(found[over], found.seed_mean, color=colour, label=label)
    for name, style in LAYERS.items():
        layer = seen.sel(model=name)
        axes.errorbar(layer[over], layer.seed_mean, layer.seed_mean_standard_error, color=colour, linestyle="", markersize=4.5,
                      linewidth=1, **style)  # fmt: skip
    median = seen.sel(model="flow limit").seed_median
    axes.plot(seen[over], median, color=colour, marker="v", markersize=3.5, markerfacecolor="white", linestyle=(0, (1, 3)), linewidth=0.7)


def _draw_references(axes, seen, over, colour):
    for name, style in REFERENCES.items():
        axes.plot(seen[over], seen.sel(model=name).seed_mean, linestyle=style, linewidth=1.2, color=colour)


def _told(found, chosen):
    """What tells a curve from the others in its panel."""
    if found.sizes["label"] > 1:
        return f"labels {SHAPES[chosen['label']]}"
    if "n_context_test" in chosen:
        return f"$M = {int(chosen['n_context_test'])}$"
    return f"$x_i$ {found.test_covariance.item()}, $x_q$ {found.query_covariance.item()}"


def _draw_lengths(axes, cell, seen):
    """Slopes and error over the length of prompts, for one law."""
    for colour, (name, (label, marker)) in zip(colours(3), MEASURES.items()):
        axes.plot(cell.n_context, cell[name], color=colour, label=label)
        axes.errorbar(seen.n_context, seen[f"{name}_mean"], seen[f"{name}_standard_error"], color=colour, linestyle="", marker=marker,
                      markersize=4)  # fmt: skip
    _thirds(axes)
    axes.set(xscale="log", ylim=(0, 1.25), xlabel="examples in a prompt, $N = M$", ylabel="slope, or relative error",
             title=f"random covariances, {cell.covariance.item()} entries")  # fmt: skip
    _ticks(axes, cell.n_context.values)
    axes.legend(loc="upper right", fontsize=7)


def _draw_laws(axes, laws):
    """The same for each law in the longest prompts, with theory in endless ones."""
    for place, (cell, seen) in enumerate(laws):
        last = seen.isel(n_context=-1)
        for offset, colour, (name, (_, marker)) in zip((-0.2, 0, 0.2), colours(3), MEASURES.items()):
            axes.errorbar(place + offset, last[f"{name}_mean"], last[f"{name}_standard_error"], color=colour, marker=marker, markersize=5)
            axes.plot([place + offset - 0.09, place + offset + 0.09], [float(cell[f"{name}_limit"])] * 2, color=colour, linewidth=2)
    _thirds(axes)
    axes.set(ylim=(0, 1.25), xlabel="law of the entries", ylabel="slope, or relative error",
             title=f"points: $N = M = {int(laws[0][0].n_context[-1])}$, bars: theory for long prompts")  # fmt: skip
    axes.set_xticks(range(len(laws)), [cell.covariance.item() for cell, _ in laws])


def _thirds(axes):
    for value in (1 / 3, 2 / 3):
        axes.axhline(value, color="black", linewidth=0.7, linestyle=(0, (1, 1.5)))
    axes.text(0.01, 1 / 3 + 0.01, "1/3", transform=axes.get_yaxis_transform(), fontsize=7)
    axes.text(0.01, 2 / 3 + 0.01, "2/3", transform=axes.get_yaxis_transform(), fontsize=7)


def _ticks(axes, values):
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()


def _draw_key(axes):
    marks = [
        Line2D([], [], **GREY, label="theory, the flow's limit (mean over tasks)"),
        Line2D([], [], **GREY, marker="o", linestyle="", label="simulation, the flow's limit: mean, standard error"),
        Line2D([], [], **GREY, marker="x", linestyle="", label="simulation, trained on samples by gradient descent"),
        Line2D([], [], **GREY, marker="v", markerfacecolor="white", linestyle=(0, (1, 3)), linewidth=0.7,
               label="simulation, the flow's limit: median over prompts"),
        *(Line2D([], [], **GREY, linestyle=style, label=f"{name} on each prompt, of its curve's colour;\nin grey: for the first curve")
          for name, style in REFERENCES.items()),
    ]  # fmt: skip
    axes.legend(handles=marks, loc="center left", fontsize=9)
