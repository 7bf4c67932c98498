"""Answers to design questions against dense grids of the error curve, limits and known values."""

import doctest
import math

import numpy as np
import pytest
import xarray as xr

from cotdepth import design
from cotdepth.theory import asymptotic


def smallest_error(alpha, tau, sigma, depth, **extensions):
    return asymptotic.error_curve(alpha, tau, sigma, depth=depth, **extensions).min().item()


# --- depth --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extensions", [{}, {"step_size": 0.7}, {"ridge": 0.2}, {"test_noise": 0.5}], ids=str)
def test_best_depth_is_the_minimum_of_the_curve(extensions):
    tau = np.array([1.2, 1.5, 3.0])
    best = design.best_depth(2.0, tau, 0.3, max_depth=40, **extensions)
    curve = asymptotic.error_curve(2.0, tau, 0.3, depth=40, **extensions)
    np.testing.assert_array_equal(best.optimal_depth, curve.argmin("k"))
    np.testing.assert_array_equal(best.optimal_error, curve.min("k"))
    assert len(set(best.optimal_depth.values.tolist())) > 1


def test_best_depth_agrees_with_the_ridgeless_one_and_takes_the_first_on_a_floor():
    points = [3.0, 0.4, 0.5], [1.5, 30.0, 2.0], [0.3, 0.5, 1.0]
    best, known = design.best_depth(*points, max_depth=500), asymptotic.optimal_depth(*points, max_depth=500)
    assert abs(best.optimal_depth - known.optimal_depth).max() <= 5 and best.optimal_depth[2] == 0
    assert best.optimal_depth[1] < 150


# --- ridge --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", [(2.0, 0.6, 0.1), (2.0, 1.3, 0.5)], ids=str)
def test_no_ridge_of_a_dense_grid_is_better(point):
    best = design.best_ridge(*point, depth=3)
    dense = xr.DataArray(np.logspace(-5, 3, 121), dims="ridge")
    error = asymptotic.error_curve(*point, ridge=dense, depth=3).sel(k=best.k)
    assert (best.optimal_error <= error.min("ridge") * (1 + 1e-9)).all() and (best.optimal_error > 0.97 * error.min("ridge")).all()
    assert (np.abs(np.log(best.best_ridge.values / dense.values[error.argmin("ridge")])) < 2 * math.log(10) / 15).all()
    for k, ridge in zip(best.k.values, best.best_ridge.values):
        again = asymptotic.error_curve(*point, ridge=float(ridge), depth=3).sel(k=k).item()
        assert best.optimal_error.sel(k=k).item() == pytest.approx(again, rel=1e-8)


def test_infinitely_many_tasks_and_one_step_need_the_ridge_of_least_squares():
    """At tau = inf A = 1/(c + lam/2): one step is least squares over a scale, whose minimum is A = <s>/<s^2> = 1/(1 + 1/alpha)."""
    found = design.best_ridge(2.0, math.inf, 0.0, depth=1).sel(k=1)
    assert found.best_ridge.item() == pytest.approx(0, abs=1e-3)  # c = 1 + 1/alpha already
    assert found.optimal_error.item() == pytest.approx(1 - 1 / 1.5, rel=1e-6)
    noisy = design.best_ridge(2.0, math.inf, 1.0, depth=1, step_size=2.0).sel(k=1)  # 2/(2 + lam/2) = 1/1.5
    assert noisy.best_ridge.item() == pytest.approx(2.0, rel=1e-3)


# --- how much data ------------------------------------------------------------------------------------------------

TARGETS = [(3.0, 0.3, 0.1, 60), (0.5, 0.1, 0.7, 30), (1.0, 0.4, 0.3, 20), (8.0, 1.0, 0.01, 10)]


@pytest.mark.parametrize("alpha, sigma, target, depth", TARGETS)
def test_the_smallest_task_ratio_just_reaches_the_target(alpha, sigma, target, depth):
    tau = design.smallest_task_ratio(alpha, sigma, target=target, max_depth=depth).item()
    assert smallest_error(alpha, tau, sigma, depth) == pytest.approx(target, rel=1e-9)
    dense = 1 + (tau - 1) * np.array([0.01, 0.1, 0.5, 0.9, 0.999])
    assert all(smallest_error(alpha, less, sigma, depth) > target for less in dense)
    assert smallest_error(alpha, 1 + (tau - 1) * 1.001, sigma, depth) < target


@pytest.mark.parametrize(
    "tau, sigma, target, depth", [(4.0, 0.1, 0.1, 60), (1.5, 0.3, 0.5, 5), (math.inf, 0.0, 1e-3, 20), (1.1, 1, 0.2, 30)]
)
def test_the_smallest_context_ratio_just_reaches_the_target(tau, sigma, target, depth):
    alpha = design.smallest_context_ratio(tau, sigma, target=target, max_depth=depth).item()
    assert smallest_error(alpha, tau, sigma, depth) == pytest.approx(target, rel=1e-9)
    dense = alpha * np.array([1e-3, 0.1, 0.5, 0.8, 0.9, 0.999])
    assert all(smallest_error(less, tau, sigma, depth) > target for less in dense)


def test_errors_fall_with_tasks_at_each_depth_and_the_smallest_with_context():
    """What bisection rests on: the first is proved, the second was only seen."""
    rng = np.random.default_rng(5)
    tau, alpha = 1 + np.logspace(-2, 3, 30), xr.DataArray(np.logspace(-1.5, 2, 60), dims="alpha")
    for _ in range(20):
        regime = dict(sigma=rng.choice([0.0, rng.uniform(0, 2)]), step_size=rng.choice([1.0, rng.uniform(0.2, 1.3)]), depth=30)
        by_tau = asymptotic.error_curve(np.exp(rng.uniform(-2, 2)), tau, **regime)
        assert (by_tau.diff("tau") <= 1e-13 * by_tau[1:]).all()
        by_alpha = asymptotic.error_curve(alpha, 1 + np.exp(rng.uniform(-3, 3)), **(regime | {"step_size": 1.0})).min("k")
        assert (by_alpha.diff("alpha") <= 1e-13).all()


def test_what_cannot_be_reached_is_nan():
    """Below alpha = 1 even the population optimum keeps 1 - alpha of the error, and with long steps long prompts do not help."""
    ratio = design.smallest_task_ratio([0.5, 0.5], 0.1, target=[0.49, 0.51], max_depth=200)
    assert np.isnan(ratio).values.tolist() == [True, False]
    assert np.isnan(design.smallest_context_ratio(5.0, target=0.2, max_depth=1, step_size=0.5))  # (1 - eta)^2 = 0.25
    assert not np.isnan(design.smallest_context_ratio(5.0, target=0.26, max_depth=1, step_size=0.5))


def test_one_step_needs_the_tasks_of_its_closed_form():
    """E_1 = 1 - 2/c + (1 + beta)(1 + 1/alpha)/c^2."""
    alpha, sigma, target = 4.0, 0.2, 0.3
    c = 1 + (1 + sigma**2) / alpha
    beta = (target - 1 + 2 / c) * c**2 / (1 + 1 / alpha) - 1
    found = design.smallest_task_ratio(alpha, sigma, target=target, max_depth=1).item()
    assert found == pytest.approx(1 + (c - 1) / beta, rel=1e-9)


# --- step size and depth ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "point, depth",
    [((2.0, 1.6, 0.3), 40), ((3.0, 1.2, 0.0), 12), ((0.5, 3.0, 0.8), 20), ((0.5, 1.2, 1.5), 40), ((1.0, math.inf, 0.0), 5)],
)
def test_no_step_size_of_a_dense_grid_is_better(point, depth):
    best = design.best_step_and_depth(*point, max_depth=depth)
    dense = xr.DataArray(np.geomspace(0.003, 2, 500), dims="step_size")
    errors = asymptotic.error_curve(*point, step_size=dense, depth=depth)
    assert best.optimal_error.item() <= errors.min().item() * (1 + 1e-9)
    assert best.optimal_error.item() > 0.98 * errors.min().item()
    again = asymptotic.error_curve(*point, step_size=best.best_step_size.item(), depth=depth)
    assert again[best.optimal_depth.item()].item() == pytest.approx(best.optimal_error.item(), rel=1e-9)


def test_the_best_single_step_is_least_squares():
    """E_1 = 1 - 2 eta/c + eta^2 (1 + beta)(1 + 1/alpha)/c^2."""
    alpha, tau, sigma = 2.0, 3.0, 0.5
    c = 1 + (1 + sigma**2) / alpha
    strength = (1 + (c - 1) / (tau - 1)) * (1 + 1 / alpha)
    best = design.best_step_and_depth(alpha, tau, sigma, max_depth=1)
    assert best.best_step_size.item() == pytest.approx(c / strength, rel=1e-3)
    assert best.optimal_error.item() == pytest.approx(1 - 1 / strength, rel=1e-7)


# --- the cheapest mix ---------------------------------------------------------------------------------------------

PRICES = dict(dim=100, price_example=1.0, price_operation=0.1)


def dense_mix(sigma, target, n_queries, max_depth):
    """The least cost on a dense grid of alpha, with the fewest tasks at each depth found on the curve itself."""
    costs = []
    for alpha in np.logspace(-0.3, 1.7, 161):
        for k in range(1, max_depth + 1):
            tau = design.smallest_task_ratio(alpha, sigma, target=target, max_depth=k).item()
            costs.append(1e4 * alpha * tau + n_queries * 0.1 * 1e4 * k)
    return np.nanmin(costs)


@pytest.mark.parametrize("n_queries", [0.01, 3.0, 300.0])
def test_no_mix_of_a_dense_grid_is_cheaper(n_queries):
    mix = design.cheapest_mix(0.2, target=0.1, n_queries=n_queries, max_depth=12, **PRICES)
    alpha, tau, depth = mix.alpha.item(), mix.tau.item(), int(mix.depth.item())
    assert mix.cost.item() == pytest.approx(1e4 * alpha * tau + n_queries * 1e3 * depth, rel=1e-12)
    assert asymptotic.error_curve(alpha, tau, 0.2, depth=depth)[-1].item() == pytest.approx(0.1, rel=1e-6)
    least = dense_mix(0.2, 0.1, n_queries, 12)
    assert 0.99 * least < mix.cost.item() <= least * (1 + 1e-6)


def test_more_answers_make_thought_dearer():
    mix = design.cheapest_mix(0.1, target=0.05, n_queries=[0.1, 1.0, 10.0, 1000.0], max_depth=30, **PRICES)
    assert (mix.depth.diff("n_queries") <= 0).all() and mix.depth[0] > mix.depth[-1]
    assert ((mix.alpha * mix.tau).diff("n_queries") >= -1e-6).all() and (mix.cost.diff("n_queries") > 0).all()


def test_only_the_ratio_of_prices_decides():
    one = design.cheapest_mix(0.1, target=0.1, n_queries=5, max_depth=20, **PRICES)
    other = design.cheapest_mix(0.1, target=0.1, n_queries=50, dim=10, price_example=20.0, price_operation=0.2, max_depth=20)
    for name in ("alpha", "tau", "depth"):
        assert other[name].item() == pytest.approx(one[name].item(), rel=1e-6)
    assert other.cost.item() == pytest.approx(one.cost.item() * 20 / 100, rel=1e-9)


# --- arguments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message, function, arguments", [
    ("target = 1.0", "smallest_task_ratio", dict(alpha=2.0, target=1.0, max_depth=5)),
    ("max_depth = 0", "smallest_task_ratio", dict(alpha=2.0, target=0.1, max_depth=0)),
    ("max_depth = 201", "best_depth", dict(alpha=2.0, tau=0.5, ridge=0.1, max_depth=201)),
    ("tau = 0.5", "smallest_context_ratio", dict(tau=0.5, target=0.1, max_depth=5)),
    ("tau = 1.0", "best_step_and_depth", dict(alpha=1.0, tau=1.0, max_depth=5)),
    ("tau = 0.0", "best_ridge", dict(alpha=1.0, tau=0.0, depth=5)),
    ("n_queries = 0.0", "cheapest_mix", dict(target=0.1, n_queries=0.0, max_depth=5, **PRICES)),
    ("price_example = -1", "cheapest_mix", dict(target=0.1, n_queries=1.0, max_depth=5, **(PRICES | {"price_example": -1}))),
    ("dim = 1.5", "cheapest_mix", dict(target=0.1, n_queries=1.0, max_depth=5, **(PRICES | {"dim": 1.5}))),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_bad_input_is_refused(message, function, arguments):
    with pytest.raises(ValueError, match=message):
        getattr(design, function)(**arguments)


def test_examples_in_docstrings():
    assert doctest.testmod(design) == (0, 7)
