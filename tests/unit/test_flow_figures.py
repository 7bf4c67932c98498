"""Figures of gradient flow and of distribution shifts draw what they are given, theory beside experiment."""

import numpy as np
import pytest
from figure_checks import assert_readable, cell, legend_texts, panels_of

from cotdepth.answer_evaluation import measure_answers
from cotdepth.combine import combine
from cotdepth.covariance import identity, power_law, with_trace
from cotdepth.figures.distribution_shift import MEASURES, draw_distribution_shift
from cotdepth.figures.gradient_flow import draw_gradient_flow
from cotdepth.fit.flow_losses import LandscapeLoss
from cotdepth.flow_random_starts import flow_from_random_starts
from cotdepth.flow_training import train_from
from cotdepth.shift_evaluation import REFERENCES, measure_shift
from cotdepth.shift_training import layers_from_samples
from cotdepth.theory.flow import exponential_law, uniform_law
from cotdepth.theory.flow_answers import summarise_answers
from cotdepth.theory.flow_shift import summarise_shift
from cotdepth.theory.flow_summary import fixed_problem, random_problem, summarise_flow
from cotdepth.theory.population import preconditioner

DIM = 3
STEEP = with_trace(power_law(DIM, 1.0), DIM)
PATH = {"start_scale": 0.3, "duration": 4.0, "records": 10}
DESCENT = {"descent_step": 0.5, "halvings": 2, "learning_rate": 0.05, "steps": 60}
DIRECTIONS = np.random.default_rng(0).standard_normal((2, DIM, DIM))


def random_stream(purpose, seed):
    return np.random.default_rng([seed, *purpose.encode()])


# --- gradient flow ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flows():
    fixed = {"flat": fixed_problem(identity(DIM), 9), "steep": fixed_problem(STEEP, 9)}
    cells = []
    for name, problem in (fixed | {"law": random_problem([exponential_law()] * DIM, 9)}).items():
        run = train_from(problem, LandscapeLoss(problem.landscape), DIRECTIONS, **PATH, **DESCENT)
        cells.append([cell(dataset, {"covariance": name}, "s") for dataset in (summarise_flow(problem, DIRECTIONS, **PATH), run)])
    return tuple(combine(list(each)) for each in zip(*cells))


@pytest.fixture(scope="module")
def starts():
    settings = {"experiment_seed": 1, "cell": "c", "duration": 5.0, "records": 10}
    cells = [("flat", identity(2), 8, 2), ("steep", with_trace(power_law(2, 1.0), 2), 9, 3)]
    made = [flow_from_random_starts(task, n, [0.1, 0.5], seeds=seeds, **settings) for _, task, n, seeds in cells]
    return combine([cell(dataset, {"covariance": name, "n_context": n}, "s") for dataset, (name, _, n, _) in zip(made, cells)])


def test_gradient_flow_is_drawn_for_every_covariance_with_its_descent(flows, starts):
    paths, runs = flows
    figure = draw_gradient_flow(paths, runs, starts, title="t")
    assert_readable(figure)
    entries, losses, distances, orders, conserved, random, fractions = panels_of(figure)
    assert "steep" in entries.get_title() and len(entries.lines) == 2 * (DIM + 1)
    shown = paths.sel(covariance="steep")
    np.testing.assert_allclose(entries.lines[-2].get_ydata(), shown.value.isel(seed=0) / shown.value_limit)
    assert [len(panel.lines) for panel in (losses, distances)] == [3 * 3, 2 * 3]
    flat = paths.excess_loss.sel(covariance="flat")
    np.testing.assert_allclose(losses.lines[0].get_ydata(), (flat / flat.isel(time=0)).median("seed"))
    assert {text.get_text() for text in conserved.get_xticklabels()} == {"flat", "law", "steep"}
    assert len([line for line in conserved.lines if line.get_marker() == "X"]) == 3
    assert all(word in legend_texts(figure) for word in ("slope 1", "reaches the global minimum", "one direction answers", "law", "0.5"))


def test_random_starts_are_drawn_with_the_number_of_each_place(flows, starts):
    *_, random, fractions = panels_of(draw_gradient_flow(*flows, starts, title="t"))
    assert [text.get_text() for text in fractions.get_xticklabels()] == ["flat, $N = 8$\n2 starts", "steep, $N = 9$\n3 starts"]
    assert "entries of deviation 0.5" in random.get_title()


def different_starts():
    settings = {"experiment_seed": 1, "cell": "c", "duration": 5.0, "records": 10, "seeds": 2}
    made = [flow_from_random_starts(identity(2), n, deviations, **settings) for n, deviations in ((8, [0.1, 0.3]), (9, [0.2]))]
    return combine([cell(found, {"covariance": "flat", "n_context": n}, "s") for found, n in zip(made, (8, 9))])


def test_starts_of_different_deviations_are_drawn_where_they_are(flows):
    *_, random, fractions = panels_of(draw_gradient_flow(*flows, different_starts(), title="t"))
    drawn = [container.lines[0].get_xdata() for container in fractions.containers]
    assert [len(places) for places in drawn] == [1, 1, 1] and [round(float(places[0])) for places in drawn] == [0, 1, 0]
    assert np.isfinite(np.concatenate([line.get_ydata() for line in random.lines[:2]])).all()


def test_cells_are_paired_by_their_parameters(flows, starts):
    """Descent without the middle covariance: it is left out, and the others stay beside their own theory."""
    paths, runs = flows
    figure = draw_gradient_flow(paths, runs.sel(covariance=["steep", "flat"]), starts, title="t")
    entries, losses, distances, orders, conserved, *_ = panels_of(figure)
    assert [text.get_text() for text in conserved.get_xticklabels()] == ["flat", "steep"]
    np.testing.assert_allclose(losses.lines[5].get_ydata(), runs.excess_median.sel(covariance="steep").isel(step=-1)[::10])
    with pytest.raises(ValueError, match="cells on covariance do not pair"):
        draw_gradient_flow(paths.sel(covariance=["law"]), runs.sel(covariance=["flat"]), starts, title="t")


# --- distribution shifts ------------------------------------------------------------------------------------------


def shift_cells(case, asked, labels, scales, lengths):
    tasks = np.random.default_rng(1).standard_normal((2, DIM))
    shared = {"labels": labels, "covariate_scale": scales, "n_context_test": lengths, "label_noise": 0.5}
    layers = layers_from_samples(fixed_problem(STEEP, 9), STEEP, DIRECTIONS, n_context=9, n_tasks=50, start_scale=0.3, descent_step=0.1,
                                 steps=5, experiment_seed=1, cell="c")  # fmt: skip
    theory = summarise_shift(preconditioner(STEEP, 9), tasks, STEEP, asked, **shared)
    measured = measure_shift(layers, tasks, STEEP, asked, n_test=20, ridge=0.1, quantiles=[0.5], stream=random_stream, **shared)
    axes = {"case": case, "test_covariance": "steep", "query_covariance": "steep" if asked is STEEP else "flat"}
    return cell(theory, axes, "theory"), cell(measured, axes, "evaluate")


def test_each_case_of_shifts_has_its_panel_with_theory_layers_and_references():
    cases = [("labels", STEEP, ["linear", "quadratic"], [1.0], [5, 9]), ("query", STEEP, ["linear"], [1.0], [5, 9]),
             ("query", identity(DIM), ["linear"], [1.0], [5, 9]), ("scaled", STEEP, ["linear"], [0.5, 1.0, 2.0], [9])]  # fmt: skip
    theory, measured = (combine(list(cells)) for cells in zip(*(shift_cells(*case) for case in cases)))
    laws = {"exponential": [exponential_law()] * DIM, "uniform": [uniform_law(0.5, 1.5)] * DIM}
    answers = combine([cell(summarise_answers(law, n_context=[5, 50]), {"covariance": name}, "theory") for name, law in laws.items()])
    simulated = combine([cell(measure_answers(law, n_context=[5, 50], n_test=50, seeds=2, stream=random_stream), {"covariance": name}, "s")
                         for name, law in laws.items()])  # fmt: skip
    figure = draw_distribution_shift(theory, measured, answers, simulated, title="t")
    assert_readable(figure)
    assert [panel.get_title().split(",")[0] for panel in panels_of(figure)[:4]] == ["labels", "query", "scaled", "random covariances"]
    labels, query, scaled, lengths, laws_panel = panels_of(figure)
    first, seen = (found.isel(cell=0).sel(label="linear", covariate_scale=1.0, n_context_test=[5, 9]) for found in (theory, measured))
    np.testing.assert_allclose(labels.lines[0].get_ydata(), first.error.mean("seed"))
    np.testing.assert_allclose(np.asarray(labels.lines[1].get_ydata(), float), seen.seed_mean.sel(model="flow limit"))
    assert "$x_i$ steep, $x_q$ flat" in legend_texts(figure) and "$z^2$" in legend_texts(figure) and "$M = 9$" in legend_texts(figure)
    assert all(f"{name} on each prompt" in legend_texts(figure) for name in REFERENCES)
    assert [text.get_text() for text in laws_panel.get_xticklabels()] == ["exponential", "uniform"]
    for line, name in zip([line for line in lengths.lines if line.get_label() in {label for label, _ in MEASURES.values()}], MEASURES):
        np.testing.assert_array_equal(line.get_ydata(), answers[name].sel(covariance="exponential"))
