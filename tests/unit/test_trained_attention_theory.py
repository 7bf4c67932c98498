"""The theory of fully trained linear attention: its ridge against fits and direct minimisation, and its limits."""

import numpy as np
import pytest
import scipy

from cotdepth.pools import white_statistics
from cotdepth.theory import asymptotic
from cotdepth.theory.trained_attention import effective_ridge, summarise_training

DIM, N_CONTEXT = 400, 800


def fitted(n_tasks, ridge, seed):
    """Update matrix of the simplified layer on a pool of tasks, and its second moment and overlap."""
    rng = np.random.default_rng([21, seed])
    weights = rng.standard_normal((n_tasks, DIM))
    statistics = white_statistics(weights, N_CONTEXT, noise=0.0, rng=rng)
    second, overlap = statistics.T @ statistics / n_tasks, weights.T @ statistics / n_tasks
    return np.linalg.solve(second + ridge / 2 * np.eye(DIM), overlap.T).T, second, overlap


@pytest.mark.parametrize("n_tasks", [200, 600, 1600])
@pytest.mark.parametrize("parameterisation, power", [("merged", 1), ("separate", 2 / 3)])
def test_the_ridge_is_that_at_which_the_fit_minimises_the_penalised_loss(n_tasks, parameterisation, power):
    """Along the family of ridge fits the loss with the penalty is stationary at the ridge of the theory: to 3%, at D = 400.

    The penalty is the least sum of squares of all entries, minimised over the scale here by a library.
    """
    l2 = 0.05
    ridge = effective_ridge(DIM, N_CONTEXT, n_tasks / DIM, l2=l2, variance=1.0, parameterisation=parameterisation)
    matrix, _, _ = fitted(n_tasks, ridge, 0)
    size = np.linalg.norm(matrix)

    def penalty(size):
        squares = {"merged": lambda c: (size / c) ** 2 + c**2 * (DIM + 1), "separate": lambda c: (size / c) ** 2 + 2 * c * (DIM + 1)}
        return scipy.optimize.minimize_scalar(squares[parameterisation], bounds=(1e-3, 1e3), method="bounded",
                                              options={"xatol": 1e-12}).fun

    slope = (penalty(size * 1.001) - penalty(size * 0.999)) / (0.002 * size)
    assert l2 * slope / size == pytest.approx(ridge, rel=0.03)
    assert penalty(2 * size) / penalty(size) == pytest.approx(2**power, rel=1e-4)


def test_the_ridge_has_the_scale_of_l2_and_falls_with_the_variance():
    small, large = (effective_ridge(20, 40, np.inf, l2=l2, variance=2.0, parameterisation="merged") for l2 in (1e-6, 1e-5))
    assert large / small == pytest.approx(10, rel=1e-4)
    assert effective_ridge(20, 40, np.inf, l2=1e-6, variance=1.0, parameterisation="merged") == pytest.approx(2 * small, rel=1e-4)
    assert effective_ridge(20, 40, 2.0, l2=0, variance=1.0, parameterisation="merged") == 0


def test_a_penalty_that_leaves_nothing_is_refused():
    with pytest.raises(ArithmeticError, match="^l2 = 100.0: so large that the trained layer is 0"):
        effective_ridge(20, 40, 2.0, l2=100.0, variance=1.0, parameterisation="merged")


def test_curves_at_large_dimension_are_those_of_the_asymptotic_theory():
    found = summarise_training(4000, 12_000, [8000], ["fresh", "fixed", "zero"], l2=0, parameterisation="merged", depth=6)
    assert found.task_ratio.values.tolist() == [np.inf, 3, 3] and np.all(found.ridge == 0)
    for guess, tau, start in [("fresh", np.inf, 2), ("fixed", 3, 2), ("zero", 3, 1)]:
        expected = start * asymptotic.error_curve(2.0, tau, depth=6)
        np.testing.assert_allclose(found.error.sel(guess=guess, n_context=8000), expected, rtol=0.01)


def test_fewer_tasks_than_dimensions_have_a_curve_with_the_penalty():
    found = summarise_training(400, 200, [800], ["fixed"], l2=0.02, parameterisation="merged", depth=4)
    expected = 2 * asymptotic.error_curve(2.0, 0.5, ridge=found.ridge.item(), depth=4)
    np.testing.assert_allclose(found.error[0, 0], expected, rtol=0.02)
