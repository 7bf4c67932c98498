"""The engine of great depth, against the row filter, against itself and against limits in closed form."""

import math

import numpy as np
import pytest

from cotdepth.theory import asymptotic, boundaries, ratio_contour, row_filter

PHASES = ["exponential", "slow", "polynomial", "saturation", "overthinking"]


def seeded_point(seed):
    """(alpha, tau, sigma, step size), with a share of special values."""
    rng = np.random.default_rng([2, seed])
    alpha = rng.choice([1.0, math.exp(rng.uniform(-4, 4)), math.exp(rng.uniform(-1, 1))])
    sigma = rng.choice([0.0, rng.uniform(0.05, 2.5)])
    critical = asymptotic.critical_task_ratio(alpha, sigma).item()
    taus = [critical, math.inf, 1000.0, 1 + (min(critical, 100) - 1) * math.exp(rng.uniform(-3, 2))]
    return alpha, rng.choice(taus, p=[0.15, 0.15, 0.15, 0.55]), sigma, rng.choice([1.0, rng.uniform(0.2, 1.9)])


POINTS = [seeded_point(seed) for seed in range(40)]
DEEP_POINTS = [(2, 4, 0.1, 1), (2, 1000, 0.1, 1), (3, 1.5, 0.3, 1), (1, 9, 0.2, 1), (0.5, math.inf, 0.7, 1)]
DEEP_POINTS += [(0.6, 4, 0, 1.3), (2, 2.2, 0.3, 0.8)]


def engine(function, alpha, tau, sigma, step_size, depth):
    beta, variance = boundaries.noise_strength(alpha, tau, sigma), boundaries.prompt_variance(alpha, sigma)
    return function(alpha, variance, beta, float(boundaries.singularity(alpha, tau, sigma, step_size)), depth, step_size)


def contour(*point):
    def log_errors(alpha, variance, beta, rate, depth, step_size):
        return ratio_contour.log_errors(alpha, variance, beta, rate, step_size, depth)

    return engine(log_errors, *point)


def test_the_points_cover_every_phase_and_special_value():
    found = [asymptotic.phase(*point[:3]).item() for point in POINTS]
    assert all(found.count(phase) >= 3 for phase in PHASES), found
    alpha, tau, sigma, step_size = np.transpose(POINTS)
    assert all(count >= 3 for count in [(alpha == 1).sum(), (tau == np.inf).sum(), (tau == 1000).sum()])
    assert (sigma == 0).sum() > 9 and (step_size != 1).sum() > 9


@pytest.mark.parametrize("point", POINTS, ids="{0[0]:.3g}-{0[1]:.4g}-{0[2]:.2g}-{0[3]:.2g}".format)
@pytest.mark.parametrize("depth", [1, 200])
def test_both_engines_agree(point, depth):
    np.testing.assert_allclose(contour(*point, depth), engine(row_filter.log_errors, *point, depth), rtol=1e-15, atol=2e-11)


@pytest.mark.parametrize("point", DEEP_POINTS, ids=str)
def test_both_engines_agree_at_the_largest_depth_of_the_filter(point):
    np.testing.assert_allclose(contour(*point, 2000), engine(row_filter.log_errors, *point, 2000), rtol=1e-15, atol=2e-11)


def test_the_curve_goes_on_where_the_filter_ends():
    before, beyond = (asymptotic.error_curve(2.0, [4.0, 30.0], 0.1, step_size=0.9, depth=depth) for depth in (2000, 2001))
    assert beyond.dims == before.dims and beyond.sizes["k"] == 2002 and beyond.step_size.item() == 0.9
    np.testing.assert_allclose(beyond[:, :2001], before, rtol=1e-11)
    np.testing.assert_array_equal(beyond[:, 0], 1)


@pytest.mark.parametrize("point", [(2, 1000, 0.1, 1), (1.7, 5.3, 0.3, 1)], ids=str)
def test_another_contour_gives_the_same(point, monkeypatch):
    """On another circle and with other panels, every node differs."""
    curve = contour(*point, 5000)
    monkeypatch.setattr(ratio_contour, "CIRCLE_NODES", 21)
    monkeypatch.setattr(ratio_contour, "PANEL_NODES", 13)
    monkeypatch.setattr(ratio_contour, "DECAY", 38.0)
    np.testing.assert_allclose(curve, contour(*point, 5000), rtol=1e-15, atol=2e-11)


@pytest.mark.parametrize("tau, sigma", [(6.0, 0.5), (math.inf, 0.0)])
def test_slow_improvement_has_its_closed_law_far_out(tau, sigma):
    """At alpha = 1 above tau_c, E_k sqrt(2 pi k / c) (1 - beta) = 1 + O(k^-1/2); of two depths, what is left is O(1/k)."""
    c = 2 + sigma**2
    near, far = asymptotic.error_curve(1.0, tau, sigma, depth=5000).sel(k=[1250, 5000]).values
    ratios = np.array([near, 2 * far]) * math.sqrt(2 * math.pi * 1250 / c) * (1 - (c - 1) / (tau - 1))
    assert 2 * ratios[1] - ratios[0] == pytest.approx(1, abs=4e-4)


def test_saturation_ends_on_its_floor():
    curve = asymptotic.error_curve(0.5, 8.0, 0.1, depth=3000)
    np.testing.assert_allclose(curve[2000:], asymptotic.error_floor(0.5, 8.0, 0.1).item(), rtol=1e-12)


def test_the_logarithm_stays_finite_where_the_error_does_not():
    for point, sign in (((1.0, 1.001, 5.0), 1), ((1e6, math.inf, 0.0), -1)):
        curve = asymptotic.log_error_curve(*point, depth=2500)
        assert np.isfinite(curve).all() and sign * curve[-1] > 5000
        slope = curve[-1].item() - curve[-2].item()
        assert slope == pytest.approx(asymptotic.growth_rate(*point).item(), abs=2e-3)
