"""The ridgeless error curve against balls that contain the exact value, to depth 200 and at depth 1000.

By Lagrange inversion of 1/x = z_1 + b (v + 1/v) in both variables, with phi(v) = b (1 + v^2) + z_1 v,

    E_k = [v^k w^k] phi(v)^k phi(w)^k (1 - v^2)(1 - w^2) / ((1 - v/sqrt(alpha))(1 - w/sqrt(alpha)) D(v, w)),
    D = 1 - (1 + beta (1 + alpha)) v w + beta sqrt(alpha) v w (v + w).

The rows of 1/D in powers of v obey a recursion of three terms, so that a coefficient costs k products of polynomials.
"""

import math

import numpy as np
import pytest
from flint import arb, arb_poly, ctx
from test_asymptotic import exact_curve

from cotdepth.theory import asymptotic

POINTS = {
    "exponential": [(2.0, 4.0, 0.01), (8.0, 20.0, 0.0), (3.0, 3.0, 0.5)],
    "slow": [(1.0, 9.0, 0.2), (1.0, math.inf, 0.5)],
    "polynomial": [(3.0, 2.0, 0.0), (0.5, 6.0, 0.0), (2.0, 2.0, 1.0)],
    "saturation": [(0.5, 8.0, 0.1), (0.3, math.inf, 1.0), (0.9, 1000.0, 0.0)],
    "overthinking": [(3.0, 1.5, 0.01), (1.0, 1.5, 1.0), (3.0, 1.6, 2.0), (0.5, 1.4, 0.3)],
}
ALL = [point for points in POINTS.values() for point in points]
DEEP = [(2.0, 4.0, 0.01), (1.0, 9.0, 0.2), (0.9, 1000.0, 0.0), (3.0, 1.5, 0.01), (8.0, 20.0, 0.0)]


def exact_errors(alpha, tau, sigma, depths):
    """E_k at the given depths, as balls, in arithmetic whose bits suffice, which the callers check."""
    ctx.prec = 300 + max(depths)
    alpha, sigma = arb(alpha), arb(sigma)
    c, root = 1 + (1 + sigma**2) / alpha, alpha.sqrt()
    beta = arb(0) if tau == math.inf else (c - 1) / (arb(tau) - 1)
    b, centre = 1 / (c * root), 1 - (1 + 1 / alpha) / c
    rows = inverse_rows(beta, alpha, root, max(depths))
    return [coefficient(rows, one_side(b, centre, root, k), k) for k in depths]


def inverse_rows(beta, alpha, root, depth):
    """Coefficients of v^i in 1/D for i = 0..depth, as polynomials in w to order `depth`."""
    rows, two = [arb_poly([]), arb_poly([1])], arb_poly([0, beta * root])
    one = arb_poly([0, 1 + beta * (1 + alpha), -beta * root])
    for _ in range(depth):
        rows.append((one * rows[-1] - two * rows[-2]).truncate(depth + 1))
    return rows[1:]


def one_side(b, centre, root, k):
    """Coefficients 0..k of phi(v)^k (1 - v^2)/(1 - v/sqrt(alpha)), the last first."""
    power = arb_poly([b, centre, b]) ** k * arb_poly([1, 0, -1])
    sums = [power[0]]
    for order in range(1, k + 1):
        sums.append(power[order] + sums[-1] / root)
    return sums[::-1]


def coefficient(rows, side, k):
    total = sum((side[i] * rows[i].truncate(k + 1) for i in range(k + 1)), arb_poly([]))
    return sum((side[j] * total[j] for j in range(k + 1)), arb(0))


def certified_logs(point, depths):
    errors = exact_errors(*point, depths)
    assert min(error.rel_accuracy_bits() for error in errors) > 60
    return np.array([float(error.log()) for error in errors])


def test_the_points_cover_every_phase_and_eighty_orders_of_magnitude():
    for phase, points in POINTS.items():
        assert [asymptotic.phase(*point).item() for point in points] == [phase] * len(points)
    last = [asymptotic.error_curve(*point, depth=200)[-1].item() for point in ALL]
    assert min(last) < 1e-35 and max(last) > 1e50


@pytest.mark.parametrize("point", [(2.0, 4.0, 0.01), (0.3, math.inf, 1.0), (1.0, 1.5, 1.0)], ids=str)
def test_the_inverted_series_is_the_one_of_the_moments(point):
    direct, inverted = exact_curve(*point, depth=20), exact_errors(*point, range(21))
    assert all(one.overlaps(other) and one.rel_accuracy_bits() > 60 for one, other in zip(direct, inverted))


@pytest.mark.parametrize("point", ALL, ids=str)
def test_every_depth_to_200_is_certified(point):
    curve = asymptotic.log_error_curve(*point, depth=200)
    np.testing.assert_allclose(curve, certified_logs(point, range(201)), rtol=0, atol=1e-10)


@pytest.mark.parametrize("point", DEEP, ids=str)
def test_depth_1000_is_certified(point):
    curve = asymptotic.log_error_curve(*point, depth=1000)
    depths = [500, 999, 1000]
    np.testing.assert_allclose(curve.sel(k=depths), certified_logs(point, depths), rtol=0, atol=1e-9)
