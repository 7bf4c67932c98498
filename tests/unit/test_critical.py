"""Laws at large depth, the best depth near the boundary, and boundaries with step size and ridge."""

import doctest
import math

import numpy as np
import pytest
import xarray as xr

from cotdepth.theory import asymptotic, boundaries, critical


def bulk_average(function, alpha, n=4000):
    """Average over the continuous part of the Marchenko-Pastur law, by the midpoint rule in s = 1 + 1/alpha + 2 cos/sqrt(alpha)."""
    angle = (np.arange(n) + 0.5) * np.pi / n
    s = 1 + 1 / alpha + 2 * np.cos(angle) / np.sqrt(alpha)
    return np.mean(2 * np.sin(angle) ** 2 / s * function(s))


# --- best depth near the boundary ---------------------------------------------------------------------------------

CONSTANTS = {
    (3, 0.01): ("oscillation", "1.665825", ".0906748"),
    (3, 0.3): ("oscillation", "1.131996", ".136499"),
    (1.5, 0.2): ("oscillation", "11.65502", ".01153687"),
    (2.5, 1): ("drift", "1.2", "1.06143"),
}


@pytest.mark.parametrize("point", CONSTANTS, ids=str)
def test_printed_constants_of_the_best_depth(point):
    found, (boundary, *printed) = critical.optimal_depth_constants(*point), CONSTANTS[point]
    assert found.boundary.item() == boundary
    for value, digits in zip((found.depth_constant.item(), found.error_constant.item()), printed):
        assert abs(value - float(digits)) <= 0.51 * 10.0 ** -len(digits.partition(".")[2])


@pytest.mark.parametrize("point", CONSTANTS, ids=str)
def test_the_measured_best_depth_has_these_constants(point):
    """Within 3 % at delta = 0.005; and what is left falls with delta."""
    alpha, sigma = point
    constants, boundary = critical.optimal_depth_constants(*point), asymptotic.critical_task_ratio(*point).item()
    left = []
    for delta in (0.02, 0.005):
        curve = asymptotic.log_error_curve(alpha, boundary - delta, sigma, depth=int(1.2 * constants.depth_constant.item() / delta) + 5)
        depth, error = curve.argmin("k").item(), math.exp(curve.min("k"))
        ratios = depth * delta / constants.depth_constant.item(), error / math.sqrt(delta) / constants.error_constant.item()
        left.append(np.abs(np.array(ratios) - 1))
    assert (left[1] < 0.03).all() and left[1][1] < 0.5 * left[0][1]


def test_closed_constants_of_the_drift_boundary():
    alpha, sigma = 2.5, 1.3
    c = 1 + (1 + sigma**2) / alpha
    kappa, weight = c * alpha / (alpha - 1), c**2 * alpha**3 / (alpha - 1) ** 3
    depth = c * (1 + sigma**2) / (2 * (alpha - 1))
    found = critical.optimal_depth_constants(alpha, sigma)
    assert found.depth_constant.item() == pytest.approx(depth, rel=1e-12)
    prefactor = weight / (2 * math.sqrt(math.pi * kappa * (weight - kappa)))
    assert found.error_constant.item() == pytest.approx(prefactor * math.sqrt(math.e / depth), rel=1e-12)


def test_no_constants_where_the_best_depth_is_another():
    found = critical.optimal_depth_constants([0.5, 1.0, 1.1], 0.1)
    assert np.isnan(found.depth_constant).values.tolist() == np.isnan(found.error_constant).values.tolist() == [True, True, False]


def test_below_alpha_one_the_best_depth_is_finite_at_the_boundary():
    """10 to 12 steps at (.5, .1) for delta from .2 to .005: the reason why there are no constants."""
    delta = np.array([0.2, 0.05, 0.005])
    boundary = asymptotic.critical_task_ratio(0.5, 0.1).item()
    best = asymptotic.optimal_depth(0.5, boundary - delta, 0.1, max_depth=400).optimal_depth
    assert ((best >= 10) & (best <= 12)).all()


# --- the law at large depth ---------------------------------------------------------------------------------------

LAWS = [(3, 1.5, 0.01), (3, 1.6, 2), (2, 4, 0.1), (0.5, 1.5, 0.3), (0.6, 1.2, 1.5), (1, 2, 0.3), (2.5, 1.9, 1), (2, 2.3, 0.3)]


@pytest.mark.parametrize("point", LAWS, ids=str)
def test_errors_approach_the_law_as_one_over_the_depth(point):
    law, k = critical.asymptotic_law(*point), np.array([500, 1000, 2000])
    log_error = asymptotic.log_error_curve(*point, depth=2000).sel(k=k).values
    left = np.exp(log_error - law.growth_rate.item() * k + np.log(k) / 2) / law.prefactor.item() - 1
    assert abs(left[-1]) < 0.004
    np.testing.assert_allclose(left[:-1] / left[1:], 2, rtol=0.06)
    assert law.growth_rate == asymptotic.growth_rate(*point)


@pytest.mark.parametrize("point", LAWS + [(0.3, 1.1, 0.0), (9, 1.2, 0.5)], ids=str)
def test_closed_constants_are_their_integrals(point):
    alpha, tau, sigma = point
    c = 1 + (1 + sigma**2) / alpha
    beta, atom = (c - 1) / (tau - 1), max(1 - alpha, 0)
    points = boundaries.critical_points(*point)
    for v, sign, factor in ((points.oscillation, -1, points.oscillation_factor), (points.drift, 1, points.drift_factor)):
        r = 1 / factor
        if alpha < 1 and sign * r > 1:  # beyond the atom, which the bulk does not see
            continue

        def average(power, numerator, at_zero):
            return bulk_average(lambda s: numerator(s / c) / (1 - sign * r * (1 - s / c)) ** power, alpha) + atom * at_zero

        expected = (
            beta * r**2 * average(3, lambda a: a**2, 0),
            sign * beta * r**3 * average(4, lambda a: a**2 * (1 - a), 0),
            average(2, np.ones_like, 1 / (1 - sign * r) ** 2),
        )
        assert beta * r**2 * average(2, lambda a: a**2, 0) == pytest.approx(1, rel=1e-9)
        assert critical._expansion(*point, v) == pytest.approx(expected, rel=1e-8)


def test_where_other_laws_hold():
    law = critical.asymptotic_law([0.5, 1.0, 2.0, 1.0], [8.0, 8.0, math.inf, math.inf], [0.1, 1.0, 0.3, 0.0])
    assert law.side.values.tolist()[:2] == ["floor", "edge"] and law.side.values[3] == "edge"
    assert np.isnan(law.prefactor).values.tolist() == [True, False, True, True]
    assert law.growth_rate.values[:2].tolist() == [0, 0]
    error = asymptotic.error_curve(1.0, 8.0, 1.0, depth=2000)[-1].item()
    assert error * math.sqrt(2000) / law.prefactor[1].item() == pytest.approx(1, abs=0.01)


def test_sides_of_the_law():
    law = critical.asymptotic_law([3.0, 3.0], [1.5, 1.6], [0.01, 2.0])
    assert law.side.values.tolist() == ["oscillation", "drift"] and law.sizes == {"point": 2}


# --- step size ----------------------------------------------------------------------------------------------------

STEPS = xr.DataArray([0.3, 0.6, 0.9, 1.0], dims="step_size")


def test_printed_boundaries_of_shorter_steps():
    assert boundaries.oscillation_boundary(2, 0.3, STEPS.values).round(2).tolist() == [1.01, 1.08, 1.54, 2.53]
    ratio = asymptotic.critical_task_ratio(2, 0.3, step_size=STEPS)
    np.testing.assert_allclose(ratio, [1.545, 1.545, 1.545, 2.530085], rtol=1e-6)
    assert ratio.dims == ("step_size",) and "step_size" in ratio.coords


@pytest.mark.parametrize("point", [(0.3, 0.2), (1.0, 0.4), (2.0, 0.3), (7.0, 1.5)], ids=str)
@pytest.mark.parametrize("step_size", [0.4, 1.0, 1.1])
def test_oscillation_boundary_equals_its_integral(point, step_size):
    alpha, sigma = point
    c = 1 + (1 + sigma**2) / alpha
    if step_size * (1 + alpha**-0.5) ** 2 >= 2 * c:
        assert boundaries.oscillation_boundary(*point, step_size) == math.inf
        return
    integral = bulk_average(lambda s: (step_size * s / c / (2 - step_size * s / c)) ** 2, alpha, 40_000)
    assert boundaries.oscillation_boundary(*point, step_size) == pytest.approx(1 + (c - 1) * integral, rel=1e-9)


@pytest.mark.parametrize("point", [(2.0, 0.3), (0.4, 0.2), (3.0, 1.5)], ids=str)
@pytest.mark.parametrize("step_size", [0.9, 1.0, 1.03])
def test_curves_turn_at_the_boundary_of_the_step_size(point, step_size):
    alpha, sigma = point
    ratio = asymptotic.critical_task_ratio(alpha, sigma, step_size=step_size).item()
    for tau, grows in ((ratio * 0.97, True), (ratio * 1.03, False)):
        rate = asymptotic.growth_rate(alpha, tau, sigma, step_size=step_size).item()
        curve = asymptotic.error_curve(alpha, tau, sigma, step_size=step_size, depth=2000)
        slope = np.log(curve[-1] / curve[-2]).item()
        assert (rate > 0) == grows == (asymptotic.phase(alpha, tau, sigma, step_size=step_size).item() == "overthinking")
        assert abs(slope - rate) < 1.51 / 2000  # as the laws k^(-1/2) and k^(-3/2) imply
        assert (slope > 2e-5) == grows
    floor = asymptotic.error_floor(alpha, ratio * 1.03, sigma, step_size=step_size).item()
    assert floor == pytest.approx(curve[-1].item(), rel=1e-3) if alpha < 1 else floor == 0


def test_steps_too_long_for_any_data():
    ratio = asymptotic.critical_task_ratio(2.0, 0.3, step_size=1.5)
    assert ratio.item() == math.inf
    rate = asymptotic.growth_rate(2.0, math.inf, 0.3, step_size=1.5).item()
    curve = asymptotic.error_curve(2.0, math.inf, 0.3, step_size=1.5, depth=400)
    assert rate > 0 and np.log(curve[-1] / curve[-2]).item() == pytest.approx(rate, abs=1.51 / 400)
    assert asymptotic.phase(2.0, math.inf, 0.3, step_size=1.5).item() == "overthinking"


def test_largest_stable_step_is_where_overthinking_begins():
    rng = np.random.default_rng(3)
    alpha, sigma = np.exp(rng.uniform(-2, 2, 50)), rng.uniform(0, 2, 50)
    tau = boundaries.drift_boundary(alpha, sigma) + rng.exponential(3, 50)
    tau[:3] = math.inf
    step = asymptotic.largest_stable_step(alpha, tau, sigma)
    shorter, longer = (asymptotic.growth_rate(alpha, tau, sigma, step_size=step * factor) for factor in (0.999, 1.001))
    assert (shorter <= 0).all() and (longer > 0).all()


def test_no_step_size_removes_drift():
    step = asymptotic.largest_stable_step(2.0, [1.54, 1.545, 1.55], 0.3)
    assert np.isnan(step).values.tolist() == [True, True, False]
    assert asymptotic.growth_rate(2.0, 1.54, 0.3, step_size=0.01).item() > 0


# --- ridge --------------------------------------------------------------------------------------------------------


def test_growth_rate_without_ridge_is_that_of_a_tiny_ridge():
    point = (2.0, 1.5, 0.1)
    assert asymptotic.growth_rate(*point, ridge=1e-9).item() == pytest.approx(asymptotic.growth_rate(*point).item(), abs=1e-7)
    assert asymptotic.growth_rate(2.0, 0.6, 0.1, ridge=0.2).item() == 0  # fewer tasks than dimensions: a floor


@pytest.mark.parametrize("point", [(2.0, 0.1, 0.02), (2.0, 0.3, 1.0), (0.6, 0.2, 0.3)], ids=str)
def test_curves_turn_at_the_boundary_with_ridge(point):
    alpha, sigma, ridge = point
    ratio = asymptotic.critical_task_ratio(alpha, sigma, ridge=ridge).item()
    ridgeless = asymptotic.critical_task_ratio(alpha, sigma).item()
    assert min(1, alpha) * (1 + (1 + sigma**2) / alpha) <= ratio < ridgeless
    for tau, grows in ((ratio * 0.9, True), (ratio * 1.1, False)):
        assert (asymptotic.growth_rate(alpha, tau, sigma, ridge=ridge).item() > 0) == grows
        curve = asymptotic.error_curve(alpha, tau, sigma, ridge=ridge, depth=150)
        assert (curve[150] > 1.05 * curve[140]).item() == grows


def test_ridge_does_not_move_the_drift_boundary():
    ratios = asymptotic.critical_task_ratio(2.0, 0.3, ridge=[0.0, 1.0, 20.0])
    np.testing.assert_allclose(ratios, [2.530085, 1.545, 1.545], rtol=1e-6)


def test_examples_in_docstrings():
    assert doctest.testmod(critical) == (0, 4)


def test_boundary_with_ridge_on_a_random_grid():
    """Within its closed bounds, and where the radius of convergence passes 1."""
    rng = np.random.default_rng(4)
    for n in range(25):
        alpha, sigma, ridge = math.exp(rng.uniform(-3, 1.5)), rng.choice([0.0, rng.uniform(0, 2)]), math.exp(rng.uniform(-9, 3))
        step_size = rng.choice([1.0, rng.uniform(0.3, 1.0)])
        extensions = dict(step_size=step_size, ridge=ridge)
        found = asymptotic.critical_task_ratio(alpha, sigma, **extensions).item()
        lowest = min(1, alpha) * (1 + (1 + sigma**2) / alpha)
        highest = asymptotic.critical_task_ratio(alpha, sigma, step_size=step_size).item()
        assert lowest * (1 - 1e-8) <= found <= highest * (1 + 1e-8)
        if n < 8:
            rates = [asymptotic.growth_rate(alpha, found * (1 + side), sigma, **extensions).item() for side in (-1e-4, 1e-4)]
            assert rates[0] > 0 >= rates[1]
