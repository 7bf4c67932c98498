"""Figures draw every curve they are given."""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from figure_checks import assert_readable, cell, legend_texts, panels_of

from cotdepth.attention_comparison import compare_layers
from cotdepth.attention_evaluation import evaluate_layers
from cotdepth.baseline_evaluation import BASELINES, evaluate_baselines
from cotdepth.chain_evaluation import shortest_prompts
from cotdepth.combine import combine
from cotdepth.comparison import compare_finite_size
from cotdepth.covariance import identity, limited_support, power_law, with_trace
from cotdepth.families import TESTED_ON
from cotdepth.figures.attention_phase import draw_attention_phase
from cotdepth.figures.cot_training import draw_cot_training
from cotdepth.figures.deployment import draw_deployment
from cotdepth.figures.depth_curves import draw_depth_curves
from cotdepth.figures.descent import draw_descent
from cotdepth.figures.family_curves import draw_family_curves
from cotdepth.figures.gpt2_depth import draw_gpt2_depth
from cotdepth.figures.gpt2_shift import draw_gpt2_shift
from cotdepth.figures.layer_depth import draw_layer_depth
from cotdepth.figures.learned_matrices import draw_learned_matrices
from cotdepth.figures.phase_diagram import draw_phase_diagram
from cotdepth.figures.scaling import draw_scaling
from cotdepth.figures.task_selection import draw_task_selection
from cotdepth.fit.adam import Trained
from cotdepth.fit.layers import label_layers
from cotdepth.fit.least_squares import fit_least_squares
from cotdepth.fresh_prompts import draw_test_prompts, label_test_errors
from cotdepth.full_evaluation import over_seeds
from cotdepth.full_structure import structure
from cotdepth.label_theory import summarise_shift
from cotdepth.pool_theory import theory_at_pools
from cotdepth.prompt_pools import prompt_pools, read_prompts
from cotdepth.selection_errors import label_target_errors, training_mixtures
from cotdepth.selection_results import label_selections, select
from cotdepth.selection_tasks import read_target, read_tasks, task_recipe
from cotdepth.summary import summarise
from cotdepth.theory.damping import summarise_damping
from cotdepth.theory.descent import compare_step_sizes
from cotdepth.theory.layer import summarise_layer
from cotdepth.theory.scaling import summarise_scaling
from cotdepth.theory.summary import summarise_regimes
from cotdepth.theory.target_errors import target_errors
from cotdepth.theory.trained_attention import summarise_training
from cotdepth.thought_evaluation import over_seeds as over_models


def compared(alpha):
    theory = summarise_regimes(alpha, 4, 0.1, depth=6)
    rng = np.random.default_rng(0)
    errors = theory.error * xr.DataArray(1 + 0.1 * rng.random((4, 3)), dims=("dim", "seed"), coords={"dim": [16, 32, 64, 128]})
    experiment = xr.Dataset({"error_mean": errors, "error_median": errors, "error_quantile": errors.expand_dims(quantile=[0.1, 0.9])})
    return cell(compare_finite_size(experiment, theory.error), {"alpha": alpha, "tau": 4}, "compare")


@pytest.mark.parametrize("count", [1, 3, 11])
def test_every_cell_has_a_curve_and_a_place_in_the_legend(count):
    cells = combine([compared(float(alpha)) for alpha in range(2, 2 + count)])
    figure = draw_depth_curves(cells, depth=5, title="t", panels=[{"tau": 4}])
    above, below = figure.axes
    theory = [line for line in above.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 7]
    assert len(theory) == len({str(line.get_color()) for line in theory}) == count
    assert len(above.get_legend().get_texts()) == count


def test_trajectories_are_drawn_on_the_map_and_beside_it():
    maps = combine([cell(summarise_regimes([0.5, 1, 2], [2, 4], sigma, depth=5), {"sigma": sigma}, "theory") for sigma in (0.1, 1)])
    places = [{"alpha": alpha, "tau": 3.0, "sigma": sigma} for alpha in (0.5, 1.0, 1.5, 2.0, 3.0) for sigma in (0.1, 1.0)]
    trajectories = combine([cell(summarise_regimes(**place, depth=5), place, "theory") for place in places])
    figure = draw_phase_diagram(maps, trajectories, depth=5, title="t", panels=[{}, {"sigma": 1}])
    first, second, *_, everything, some = [axes for axes in figure.axes if axes.get_xlabel()]
    assert [len(everything.lines), len(some.lines)] == [10, 5]
    for axes in (first, second):
        assert sum(line.get_marker() == "o" for line in axes.lines) == 5


# --- test-time scaling --------------------------------------------------------------------------------------------

TASKS = {"hard": with_trace(power_law(4, 2.0), 4.0), "easy": identity(4)}


def scaling(targets=(0.1, 0.01), lengths=(5, 10, 20, 100)):
    return combine([
        cell(summarise_scaling(task, n_context=list(lengths), target=list(targets), depth=6), {"covariance": name}, "theory")
        for name, task in TASKS.items()
    ])  # fmt: skip


def test_test_time_scaling_is_drawn_by_hardness():
    figure = draw_scaling(scaling(), depth=3, title="t")
    assert_readable(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["hardness $H = 4$", "hardness $H = 22.8$"]
    errors, lengths, exchange, tested = panels_of(figure)
    assert [len(axes.lines) for axes in (errors, lengths, exchange, tested)] == [2 * 3 * 2, 2 * 2, 2 * 2, 2 * 3]
    assert "predicted slope" in legend_texts(figure) and "$n = 100$" in legend_texts(figure) and "error 0.01" in legend_texts(figure)
    np.testing.assert_allclose(exchange.lines[0].get_ydata(), scaling().context_needed.sel(covariance="easy", target=0.1))


def test_of_many_targets_the_ends_are_drawn():
    figure = draw_scaling(scaling(targets=(0.5, 0.3, 0.1, 0.05, 0.01)), depth=3, title="t")
    exchange = panels_of(figure)[2]
    assert [text.get_text() for text in exchange.get_legend().get_texts()] == ["error 0.5", "error 0.1", "error 0.01"]
    assert len(exchange.lines) == 2 * 3


@pytest.mark.parametrize("lengths", [(5, 20, 80), (5, 1000), (5, 100, 20000), (10, 1000, 100000)])
def test_labels_of_lengths_do_not_overlap_whatever_their_range(lengths):
    assert_readable(draw_scaling(scaling(lengths=lengths), depth=3, title="t"))


# --- gradient descent ---------------------------------------------------------------------------------------------


def test_descent_has_a_panel_for_each_task_and_a_curve_for_each_step_size():
    tasks = {"strong": with_trace(power_law(3, 1.0), 6.0), "weak": with_trace(power_law(3, 1.0), 1.0)}
    found = combine([cell(compare_step_sizes(task, 8, steps=400), {"covariance": name}, "theory") for name, task in tasks.items()])
    figure = draw_descent(found, title="t")
    assert_readable(figure)
    weak, strong = panels_of(figure)
    assert [axes.get_title().split(": ")[1] for axes in (weak, strong)] == ["0.545", "3.27"]
    for axes, part in ((weak, "0.27"), (strong, "1.64")):
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [
            "as proved: 0.50 of the limit", f"as printed: {part} of the limit"]  # fmt: skip
    assert np.nanmax(strong.lines[1].get_ydata()) > strong.get_ylim()[1] > np.nanmax(weak.lines[1].get_ydata())


# --- trained layers -----------------------------------------------------------------------------------------------

LAYERS = {"train_covariance": ["flat", "steep"], "n_context": [4, 8]}
TESTED, DEPTH = [4, 8, 50], 3


def trained_cell(train_covariance, n_context):
    """A comparison whose layers are at least squares, with a ``W_24`` of 1.2 where it is free."""
    train = {"flat": identity(3), "steep": with_trace(power_law(3, 1.0), 3.0)}[train_covariance]
    pools = prompt_pools(train, experiment_seed=1, cell="c", seeds=2, n_context=n_context, n_tasks=60, label_noise=0.0)
    blocks = np.array([np.pad(fit_least_squares(read_prompts(pools, seed)), [(0, 0), (0, 1)]) for seed in range(2)])
    weights = {"block": 1.0, "all": 1.2}
    scores = {trained: np.array([[0, 0, 0, -weight]] * 2) for trained, weight in weights.items()}
    layers = label_layers({name: Trained(blocks / weights[name], scores[name], np.ones((2, 1))) for name in weights}, pools)
    name = {"experiment_seed": 1, "cell": "c"}
    errors = [[evaluate_layers(layers.sel(seed=seed), draw_test_prompts(identity(3), m, 30, noise=0.0, seed=seed, **name), DEPTH)
               for m in TESTED] for seed in range(2)]  # fmt: skip
    leading = {"trained": layers.trained, "seed": layers.seed}
    experiment = summarise(label_test_errors(np.moveaxis(errors, 2, 0), leading, TESTED), [0.25, 0.75], source="a test")
    theory = summarise_layer(train, identity(3), n_context=n_context, n_context_test=TESTED, depth=DEPTH)
    return compare_layers(experiment, theory, theory_at_pools(pools, layers, identity(3), n_context_test=TESTED, depth=DEPTH))


def baseline_errors():
    errors = [[evaluate_baselines(draw_test_prompts(identity(3), m, 30, noise=0.0, experiment_seed=1, cell="c", seed=seed), DEPTH,
                                  covariance=identity(3), ridge=0.1) for m in TESTED] for seed in range(2)]  # fmt: skip
    leading = {"model": ("model", list(BASELINES)), "seed": ("seed", [0, 1])}
    return cell(summarise(label_test_errors(np.moveaxis(errors, 2, 0), leading, TESTED), [0.5], source="a test"), {}, "baselines")


def test_trained_layers_are_drawn_with_theory_and_baselines():
    axes = [dict(zip(LAYERS, choice)) for choice in product(*LAYERS.values())]
    compared = combine([cell(trained_cell(**choice), choice, "compare") for choice in axes])
    figure = draw_layer_depth(compared, combine([baseline_errors()]), title="t")
    assert_readable(figure)
    assert len(panels_of(figure)) == 3 + 3 + 2
    texts = legend_texts(figure)
    assert all(word in texts for word in ("theory: exact", "experiment: mean", "experiment: median", "trained at $n = 8$", *BASELINES))
    short, long, drifted = panels_of(figure)[:3]
    theory = compared.theory_error.sel(train_covariance="flat", n_context=4, theory="exact")
    np.testing.assert_array_equal(short.lines[0].get_ydata(), theory.sel(n_context_test=4))
    np.testing.assert_array_equal(long.lines[0].get_ydata(), theory.sel(n_context_test=50))
    assert any("$|W_{24}|$ = 1.20, 1.20" in text.get_text() for text in drifted.texts)


# --- task families ------------------------------------------------------------------------------------------------


def family_cell(axes):
    """A comparison whose errors lie above theory by 1% to 3% and by 1/D."""
    k, dims = np.arange(7), [16, 32, 64, 128]
    curves = np.stack([0.5**k, 0.4**k])[None] * np.ones((4, 1, 1))
    theory = xr.DataArray(curves, coords={"dim": dims, "tested_on": list(TESTED_ON), "k": k})
    errors = theory * (1 + 1 / theory.dim) * xr.DataArray([1.01, 1.02, 1.03], dims="seed")
    experiment = xr.Dataset({"error_mean": errors, "error_median": errors, "error_quantile": errors.expand_dims(quantile=[0.1, 0.9])})
    return cell(compare_finite_size(experiment, theory), axes, "compare")


def test_each_case_of_task_families_has_its_curves_and_gaps():
    compared = combine([family_cell({"case": case}) for case in ("one case", "another")])
    figure = draw_family_curves(compared, title="t")
    assert_readable(figure)
    assert len(panels_of(figure)) == 6
    above = panels_of(figure)[0]
    np.testing.assert_array_equal(above.lines[0].get_ydata(), compared.theory.sel(case="another", tested_on="new tasks", dim=128))
    assert [panel.get_title() for panel in panels_of(figure)[:2]] == ["another", "one case"]
    assert all(text in legend_texts(figure) for text in ("new tasks", "training tasks", "theory at the same $D$"))


def test_deployment_draws_every_case_and_marks_its_best_depth():
    grid = [("damped", 1.0, 0.0), ("damped", 0.5, 0.0), ("noisy", 1.0, 0.0), ("noisy", 1.0, 0.3)]
    cells = [family_cell(dict(zip(("case", "step_size", "sigma_test"), point))) for point in grid]
    figure = draw_deployment(combine(cells), summarise_damping(2.0, 0.3, [1.2, 2.0, 3.0], [0.5, 1.0]), title="t")
    assert_readable(figure)
    damped, noisy, rates = panels_of(figure)[:3]
    assert [len(panel.get_legend().get_texts()) for panel in (damped, noisy)] == [2, 2]
    stars = [line for line in damped.lines if line.get_marker() == "*"]
    assert [line.get_xdata()[0] for line in stars] == [6, 6]
    assert all("6" in text.get_text() for text in damped.get_legend().get_texts())
    assert rates.lines[1].get_ydata()[0] == pytest.approx(1.545)


# --- fully trained attention --------------------------------------------------------------------------------------

LENGTHS = {"linear": [5, 20, 60], "softmax": [4, 30]}


def trained_layers(model, n_tasks, guesses):
    """Matrices of noise, labelled as trained ones."""
    rng, lengths = np.random.default_rng(n_tasks), LENGTHS[model]
    coords = {"guess": guesses, "n_context": lengths, "seed": [0, 1, 2], "model": model}
    matrices = {name: (("guess", "n_context", "seed", "row", "col"), rng.standard_normal((len(guesses), len(lengths), 3, 10, 10)))
                for name in "VW"}
    return structure(xr.Dataset(matrices, coords=coords, attrs={"title": "t", "source": "s"}))


def measured_cell(model, n_tasks, guesses):
    layers, rng = trained_layers(model, n_tasks, guesses), np.random.default_rng(n_tasks)
    dims = {"mask": ["history"], "guess": guesses, "n_context": LENGTHS[model], "seed": [0, 1, 2]}
    shape = [len(values) for values in dims.values()]
    errors = xr.DataArray(10 ** rng.normal(size=(*shape, 5, 9)), dims=(*dims, "k", "prompt"), coords={**dims, "model": model})
    return cell(over_seeds(summarise(errors, [0.5], "s"), layers), {"model": model, "n_tasks": n_tasks}, "evaluate")


def predicted_cell(n_tasks, guesses):
    theory = summarise_training(20, n_tasks, LENGTHS["linear"], guesses, l2=1e-3, parameterisation="merged", depth=4)
    return cell(theory, {"model": "linear", "n_tasks": n_tasks}, "theory")


def test_fully_trained_attention_has_a_row_for_each_model_and_guess():
    linear = [("linear", count, ["fixed", "fresh"]) for count in (8, 16)]
    measured = combine([measured_cell(*each) for each in [*linear, ("softmax", 40, ["fresh"])]])
    theory = combine([predicted_cell(count, ["fixed", "fresh"]) for count in (8, 16)])
    panels = [{"n_tasks": 8}, {"model": "linear", "n_tasks": 16}, {"model": "softmax"}]
    figure = draw_attention_phase(measured, theory, depth=3, panels=panels, title="t")
    assert_readable(figure)
    assert figure.axes[0].get_gridspec().ncols == 4 and len([axes for axes in figure.axes if not axes.axison]) == 1   # none is empty
    rows = np.reshape(panels_of(figure)[:8], (2, 4)).tolist() + [panels_of(figure)[8:]]
    starts = ["linear, fresh guesses", "linear, a guess for each task", "softmax, fresh guesses"]
    assert [row[0].get_title().split(":")[0] for row in rows] == starts and [len(row) for row in rows] == [4, 4, 3]
    for row, guess, model in zip(rows, ("fresh", "fixed", "fresh"), ("linear", "linear", "softmax")):
        of_cell = measured.isel(cell=0 if model == "linear" else 2).sel(guess=guess, mask="history")
        medians, means, *_ = row[2].lines
        np.testing.assert_array_equal(medians.get_ydata(), of_cell.seed_median.sel(n_context=LENGTHS[model][0]))
        np.testing.assert_array_equal(means.get_ydata(), of_cell.seed_median_of_means.sel(n_context=LENGTHS[model][0]))
        assert len(row[2].lines) == len(LENGTHS[model]) * (3 if model == "linear" else 2)   # with theory
        assert {text.get_text() for text in row[1].texts} <= {"0", "0.33", "0.67", "1"}
    np.testing.assert_array_equal(rows[0][2].lines[2].get_ydata(), theory.error.isel(n_tasks=0, model=0).sel(guess="fresh", n_context=5))
    assert "theory of the mean" in legend_texts(figure)


def test_fully_trained_attention_is_drawn_where_there_is_no_theory():
    measured = combine([measured_cell("softmax", count, ["fresh"]) for count in (40, 100)])
    figure = draw_attention_phase(measured, None, depth=3, panels=[{"n_tasks": 40}], title="t")
    assert_readable(figure)
    assert len(panels_of(figure)) == 3 and "theory" not in legend_texts(figure)


def test_learned_matrices_have_a_column_for_each_number_of_tasks_and_examples():
    layers = combine([cell(trained_layers("linear", count, ["fresh"]), {"n_tasks": count}, "train") for count in (20, 200)])
    figure = draw_learned_matrices(layers, title="t")
    figure.canvas.draw()
    panels = panels_of(figure)
    assert [panel.get_title() for panel in panels[:2]] == ["$V$, $M = 20$, $n = 5$", "$V$, $M = 20$, $n = 20$"] and len(panels) == 12
    shown = panels[6].images[0].get_array()
    np.testing.assert_array_equal(shown, layers.W.sel(n_tasks=20, n_context=5, seed=0, guess="fresh"))
    unreversed = layers.unreversed_fraction.sel(n_tasks=200, n_context=60, guess="fresh").item()
    assert panels[-1].get_xlabel().endswith(f"no reversed direction: {unreversed:.0%}")


# --- training with thought ----------------------------------------------------------------------------------------


def chains_cell(task, depth, lengths):
    axes = {"n_context": lengths, "seed": [0, 1], "supervision": ["teacher", "unrolled"], "step": [0, 10, 20]}
    shape = [len(values) for values in axes.values()]
    errors = xr.DataArray(np.random.default_rng(depth).random((*shape, 6, 7)), dims=(*axes, "k", "prompt"), coords=axes)
    found = shortest_prompts(summarise(errors, [0.5], "s"), [0.6, 0.4, 0.01])
    return cell(found, {"train_covariance": task, "train_depth": depth}, "evaluate")


def test_training_with_thought_has_a_panel_for_each_depth_and_one_for_a_task_of_one_length():
    errors = combine([chains_cell(task, depth, lengths) for task, lengths in (("even", [20, 40]), ("skewed", [20])) for depth in (2, 4)])
    figure = draw_cot_training(errors, title="t")
    assert_readable(figure)
    first, second, skewed, shortest = panels_of(figure)[:4]
    assert [panel.get_title().split("\n")[0] for panel in (first, skewed)] == ["even, $k = 2$", "skewed, $n = 20$"]
    assert len(panels_of(figure)) == 8
    assert [[text.get_text() for text in panel.get_legend().get_texts()] for panel in (second, skewed)] == [
        ["$n = 20$", "$n = 40$"], ["$k = 2$", "$k = 4$"]]  # fmt: skip
    expected = errors.seed_median.sel(train_covariance="even", train_depth=4, n_context=40, supervision="teacher", k=4)
    np.testing.assert_array_equal(second.lines[1].get_ydata(), expected)
    table = errors.shortest_prompts.sel(train_covariance="even", supervision="teacher")
    words = [f"{value:.0f}" if value > 0 else "–" for depth in (2, 4) for value in table.sel(train_depth=depth, k=depth).values]
    assert [text.get_text() for text in shortest.texts] == words and "–" in words


def test_the_shortest_prompts_are_drawn_of_one_task():
    errors = combine([chains_cell(task, depth, [20, 40]) for task in ("even", "skewed") for depth in (2, 4)])
    shortest = panels_of(draw_cot_training(errors, title="t"))[4]
    assert shortest.get_title().startswith("even: fewest examples")
    assert [text.get_text() for text in shortest.get_legend().get_texts()] == ["$k = 2$", "$k = 4$"]


def thought_cell(task, length, seeds, train_depth=4):
    axes = {"seed": list(range(seeds)), "n_context_test": [5, 10, 20]}
    errors = xr.DataArray(10 ** np.random.default_rng(length).normal(size=(seeds, 3, 7, 5)), dims=(*axes, "k", "prompt"),
                          coords=axes | {"train_depth": train_depth})  # fmt: skip
    return cell(over_models(summarise(errors, [0.5], "s")), {"train_covariance": task, "n_context": length}, "evaluate")


@pytest.mark.parametrize("lengths", [[20], [20, 30]])
def test_thinkers_have_a_panel_for_each_task_and_training_length_and_one_for_what_depth_costs(lengths):
    errors = combine([thought_cell(task, length, seeds) for task, seeds in (("even", 2), ("skewed", 4)) for length in lengths])
    figure = draw_gpt2_depth(errors, title="t")
    assert_readable(figure)
    panels = panels_of(figure)
    assert len(panels) == 2 * (len(lengths) + 1)
    titles = ["trained on even, $n$ up to 20 (2 seeds)", "trained on skewed, $n$ up to 20 (4 seeds)"]
    assert [panel.get_title() for panel in panels[:2]] == titles
    means = [line.get_ydata() for line in panels[1].lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(means, errors.run_mean.sel(train_covariance="skewed", n_context=20))
    assert panels[-2].get_title().endswith("(too few seeds for an interval)") and "too few" not in panels[-1].get_title()
    best = errors.best_depth.sel(train_covariance="skewed").values.ravel().astype(int)
    assert [text.get_text() for text in panels[-1].texts] == [f"$k = {depth}$" for depth in best]
    dashed = [line.get_ydata() for line in panels[1].lines if line.get_marker() == "None" and len(line.get_ydata()) > 2]
    np.testing.assert_array_equal(dashed, errors.run_median.sel(train_covariance="skewed", n_context=20))


def test_thinkers_without_steps_beyond_training_are_drawn():
    errors = combine([thought_cell("even", 20, 3, train_depth=6)])
    figure = draw_gpt2_depth(errors, title="t")
    figure.canvas.draw()
    assert [text.get_text() for text in panels_of(figure)[-1].texts] == []


SHIFTS = ["fixed", "random", "random-9", "noisy"]


def labels_cell(law, length, positions):
    dims = {"model": ["gpt2", "least squares", "zero"], "test_law": SHIFTS, "seed": [0, 1], "n_context_test": [1, 4, 9]}
    errors = 10 ** np.random.default_rng(length).normal(size=[len(values) for values in dims.values()])
    found = xr.Dataset({"error_mean": (list(dims), errors), "error_standard_error": (list(dims), errors / 3)}, coords=dims,
                       attrs={"title": "t", "source": "s"})  # fmt: skip
    found["error_mean"].loc[{"model": "least squares", "n_context_test": 9}] = 1e-30
    return cell(found, {"train_law": law, "n_context": length, "positions": positions}, "evaluate")


def test_labels_have_a_row_for_each_training_law_and_positions_and_a_column_for_each_test_law():
    rows = [("fixed", "learned"), ("random", "learned"), ("random", "none")]
    errors = combine([labels_cell(law, length, positions) for law, positions in rows for length in (4, 8)])
    theory = combine([cell(summarise_shift(law, SHIFTS, 3), {"train_law": law}, "theory") for law in ("fixed", "random")])
    figure = draw_gpt2_shift(errors, theory, title="t")
    assert_readable(figure)
    panels = np.reshape(panels_of(figure), (3, 4)).tolist()
    assert panels[2][2].get_title() == "tested on random covariance x 9\ntrained on random covariance, no positions"
    limits = [[line.get_ydata()[0] for line in panel.lines if line.get_color() == "black"] for panel in (panels[0][0], panels[2][2])]
    assert limits == [[], [pytest.approx(43 * 9)]]   # none where it is 0
    of_models = [line for line in panels[1][1].lines if line.get_marker() == "o"]
    assert len(of_models) == 4 and len({line.get_color() for line in of_models}) == 2   # two seeds of two lengths
    np.testing.assert_array_equal(of_models[0].get_ydata(), errors.error_mean.sel(model="gpt2", test_law="random", seed=0).isel(cell=2))
    squares = panels[0][0].lines[0].get_ydata()
    assert np.isnan(squares[-1]) and np.isfinite(squares[:-1]).all()
    assert "theory: linear attention" in legend_texts(figure) and "baseline: least squares" in legend_texts(figure)


# --- task selection -----------------------------------------------------------------------------------------------


def selected_cells(reading):
    types = {"easy": limited_support(8, 0.2, support=5), "hard": limited_support(8, 0.8, support=3)}
    target = power_law(8, 0.8)
    recipe = task_recipe(types, target, experiment_seed=1, cell=reading, seeds=3, per_type=4, reading=reading)
    sets = [read_tasks(recipe, seed) for seed in range(3)]
    selected = label_selections([select(tasks, target, "surrogate", rng=np.random.default_rng(0)) for tasks in sets], recipe)
    choices = [training_mixtures(selected.probability.values[seed], recipe.task_type.values) for seed in range(3)]
    settings = {"n_context": 20, "mixture": ["prompt", "example"], "depth": 3}
    errors = [target_errors(tasks, list(choice.values()), read_target(recipe), **settings) for tasks, choice in zip(sets, choices)]
    worth = label_target_errors(np.array(errors), selected, settings["mixture"], list(choices[0]), n_context=20, dim=8)
    return [cell(dataset, {"reading": reading}, "s") for dataset in (selected, worth)]


def test_task_selection_has_a_row_for_each_reading_and_a_curve_for_each_mixture():
    selected, target = (combine(list(cells)) for cells in zip(*(selected_cells(reading) for reading in ("independent", "aligned"))))
    figure = draw_task_selection(selected, target, title="t")
    assert_readable(figure)
    assert len(panels_of(figure)) == 2 * 4
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["selected", "uniform", "easy", "hard"]
    for row, reading in enumerate(("aligned", "independent")):
        example = panels_of(figure)[4 * row + 3]
        assert example.get_title() == f"{reading}\none task per example"
        drawn = {line.get_label(): line.get_ydata() for line in example.lines}
        for name, values in drawn.items():
            np.testing.assert_array_equal(values, target.error.sel(reading=reading, mixture="example", model=name).median("seed"))
