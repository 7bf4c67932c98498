"""The engine of the ridgeless curves: Gauss rules, few nodes, and the range of floats."""

import math
from fractions import Fraction

import numpy as np
import pytest

from cotdepth.theory import asymptotic, row_filter


def moment(p, alpha):
    """Moment p of the Marchenko-Pastur law of ratio 1/alpha, exactly (Narayana numbers)."""
    narayana = (math.comb(p, r) * math.comb(p - 1, r) // (r + 1) for r in range(p))
    return sum((number / alpha**r for r, number in enumerate(narayana)), Fraction(0)) if p else Fraction(1)


@pytest.mark.parametrize("alpha", [Fraction(1, 20), Fraction(1, 2), Fraction(999, 1000), Fraction(1), Fraction(4)])
@pytest.mark.parametrize("n_nodes", [3, 8, 20])
def test_gauss_rule_is_exact_to_its_degree(alpha, n_nodes):
    nodes, weights = row_filter.gauss_rule(float(alpha), n_nodes)
    s = 1 + nodes / math.sqrt(alpha)
    for p in range(2 * n_nodes):
        assert weights @ s**p == pytest.approx(float(moment(p, alpha)), rel=1e-12)
    too_high = 2 * n_nodes  # alpha^-(n-1) from the monic orthogonal polynomials: the rule must miss this one
    assert abs(weights @ s**too_high - float(moment(too_high, alpha))) > 0.5 * float(alpha) ** -(n_nodes)


@pytest.mark.parametrize("alpha", [0.2, 0.9])
def test_gauss_rule_has_the_atom(alpha):
    nodes, weights = row_filter.gauss_rule(alpha, 300)
    atom = np.argmin(nodes)
    assert 1 + nodes[atom] / math.sqrt(alpha) == pytest.approx(0, abs=1e-13)
    assert weights[atom] == pytest.approx(1 - alpha, abs=1e-12)


@pytest.mark.parametrize("alpha", [1e-3, 0.3, 0.999, 1.0, 1.001, 2.0, 100.0])
@pytest.mark.parametrize("tau", [1 + 1e-6, 1.5, 30.0, np.inf])
def test_few_nodes_are_enough(alpha, tau, monkeypatch):
    few = asymptotic.log_error_curve(alpha, tau, 0.5, depth=500)
    monkeypatch.setattr(row_filter, "_n_nodes", lambda depth: depth + 3)
    exact = asymptotic.log_error_curve(alpha, tau, 0.5, depth=500)
    np.testing.assert_allclose(few, exact, rtol=1e-15, atol=1e-11)  # rtol: the last digit of a large logarithm


def test_the_recursion_stays_in_range_where_the_error_does_not():
    growing = asymptotic.log_error_curve(1.0, 1 + 1e-12, 5.0, depth=2000)
    decaying = asymptotic.log_error_curve(1e6, np.inf, 0.0, depth=2000)
    assert np.isfinite(growing).all() and growing[-1] > 40_000
    assert np.isfinite(decaying).all() and decaying[-1] < -20_000


def test_invalid_numbers_do_not_pass_as_valid():
    """The compiled loops are allowed to reorder sums, not to assume that NaN never happens."""
    assert np.isnan(row_filter.log_errors(2.0, 0.5, np.nan, 0.0, 5)[2:]).all()


def test_arrays_broadcast():
    curves = row_filter.log_errors(np.array([[0.5], [2.0]]), 0.5, np.array([0.0, 0.1, 0.2]), 0.0, 4)
    assert curves.shape == (2, 3, 5)
    np.testing.assert_array_equal(curves[1, 2], row_filter.log_errors(2.0, 0.5, 0.2, 0.0, 4))
