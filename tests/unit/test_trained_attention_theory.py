"""The theory of linear attention trained from random guesses: its task ratio and ridge against fits, and its limits."""

import numpy as np
import pytest
import scipy

from cotdepth.covariance import identity
from cotdepth.pools import white_statistics
from cotdepth.prompts import draw_prompts
from cotdepth.theory import asymptotic
from cotdepth.theory.trained_attention import effective_ridge, effective_task_ratio, summarise_training

# --- fresh guesses ------------------------------------------------------------------------------------------------


def fresh_fit(dim, n_tasks, n_context, seed):
    """Minimiser over A of the mean over guesses and tasks of ``|e - A S e|^2``, ``E e e^T = I + w w^T``."""
    prompts = draw_prompts(identity(dim), n_context, n_tasks, rng=np.random.default_rng([22, seed]))
    S, b = prompts.grams[:, :dim, :dim], prompts.statistics
    overlap = S.mean(0) + prompts.weights.T @ b / n_tasks
    second = np.einsum("pij,pjk->ik", S, S, optimize=True) / n_tasks + b.T @ b / n_tasks
    return np.linalg.solve(second, overlap.T).T


def mean_errors(update, n_context, depth, seed):
    """From the guess 0, over new prompts and all tasks: ``|(I - A S)^k|_F^2 / D``."""
    dim = len(update)
    S = draw_prompts(identity(dim), n_context, 40, rng=np.random.default_rng([23, seed])).grams[:, :dim, :dim]
    power, found = np.eye(dim), []
    for _ in range(depth):
        power = power - update @ S @ power
        found.append((power**2).sum((1, 2)).mean() / dim)
    return np.array(found)


def gaps(dim, tau, pools):
    """Relative gaps of simulated errors to the prediction after 1, 2 and 3 steps, alpha = 2, and the prediction."""
    n_tasks, n_context = int(tau * dim), 2 * dim
    found = np.mean([mean_errors(fresh_fit(dim, n_tasks, n_context, seed), n_context, 3, seed) for seed in range(pools)], axis=0)
    theory = summarise_training(dim, n_tasks, [n_context], ["fresh"], l2=0, parameterisation="merged", depth=3)
    predicted = theory.error[0, 0, 1:].values / 2
    return found / predicted - 1, predicted


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_fresh_guesses_err_as_the_ridgeless_fit_at_the_effective_task_ratio(tau):
    """The gap to simulation halves from D = 80 to 160 (2% to 6% there) and extrapolates to 0; infinitely many tasks are far off."""
    (small, _), (large, predicted) = gaps(80, tau, 12), gaps(160, tau, 6)
    assert np.all((0.3 < large / small) & (large / small < 0.7))
    np.testing.assert_allclose(2 * large - small, 0, atol=0.02)          # about four standard errors at three steps
    assert np.all(predicted > 1.06 * asymptotic.error_curve(2.0, np.inf, depth=3)[1:].values)


def test_the_effective_task_ratio_has_a_minimum_and_grows_with_the_tasks():
    """Few tasks count little beside the guesses; with many it is ``1 + 4 tau``, for ``s'`` tends to 1."""
    found = [effective_task_ratio(tau) for tau in (0.01, 0.2, 0.5, 1.0, 8.0)]
    assert found[0] > found[1] > found[2] < found[3] < found[4]
    assert effective_task_ratio(1e6) == pytest.approx(1 + 4e6, rel=1e-4)


# --- one guess for each task --------------------------------------------------------------------------------------

DIM, N_CONTEXT = 400, 800


def fitted(n_tasks, ridge):
    """Update matrix of the simplified layer on a pool of tasks."""
    rng = np.random.default_rng([21, 0])
    weights = rng.standard_normal((n_tasks, DIM))
    statistics = white_statistics(weights, N_CONTEXT, noise=0.0, rng=rng)
    second, overlap = statistics.T @ statistics / n_tasks, weights.T @ statistics / n_tasks
    return np.linalg.solve(second + ridge / 2 * np.eye(DIM), overlap.T).T


@pytest.mark.parametrize("n_tasks", [200, 600, 1600])
@pytest.mark.parametrize("parameterisation, power", [("merged", 1), ("separate", 2 / 3)])
def test_the_ridge_is_that_at_which_the_fit_minimises_the_penalised_loss(n_tasks, parameterisation, power):
    """Along the family of ridge fits the loss with the penalty is stationary at the ridge of the theory: to 3%, at D = 400.

    The penalty is the least sum of squares of all entries, minimised over the scale here by a library.
    """
    l2 = 0.1
    ridge = effective_ridge(DIM, N_CONTEXT, n_tasks / DIM, l2=l2, parameterisation=parameterisation)
    size = np.linalg.norm(fitted(n_tasks, ridge))

    def penalty(size):
        squares = {"merged": lambda c: (size / c) ** 2 + c**2 * (DIM + 1), "separate": lambda c: (size / c) ** 2 + 2 * c * (DIM + 1)}
        return scipy.optimize.minimize_scalar(squares[parameterisation], bounds=(1e-3, 1e3), method="bounded",
                                              options={"xatol": 1e-12}).fun

    slope = (penalty(size * 1.001) - penalty(size * 0.999)) / (0.002 * size)
    assert l2 / 2 * slope / size == pytest.approx(ridge, rel=0.03)
    assert penalty(2 * size) / penalty(size) == pytest.approx(2**power, rel=1e-4)


@pytest.mark.parametrize("tau", [0.2, 4.0])
def test_the_ridge_has_the_scale_of_a_small_penalty(tau):
    small, large = (effective_ridge(20, 40, tau, l2=l2, parameterisation="merged") for l2 in (1e-12, 1e-11))
    assert large / small == pytest.approx(10, rel=0.05)
    assert effective_ridge(20, 40, tau, l2=0, parameterisation="merged") == 0


def test_curves_at_large_dimension_are_those_of_the_asymptotic_theory():
    found = summarise_training(4000, 12_000, [8000], ["fresh", "fixed"], l2=0, parameterisation="merged", depth=6)
    np.testing.assert_allclose(found.task_ratio, [effective_task_ratio(3), 3])
    for guess, tau in zip(("fresh", "fixed"), found.task_ratio.values):
        np.testing.assert_allclose(found.error.sel(guess=guess, n_context=8000), 2 * asymptotic.error_curve(2.0, tau, depth=6), rtol=0.01)


def test_fewer_tasks_than_dimensions_have_a_curve_with_the_penalty():
    found = summarise_training(400, 200, [800], ["fixed"], l2=0.02, parameterisation="merged", depth=4)
    expected = 2 * asymptotic.error_curve(2.0, 0.5, ridge=found.ridge.item(), depth=4)
    np.testing.assert_allclose(found.error[0, 0], expected, rtol=0.02)


@pytest.mark.parametrize("l2, n_tasks", [(0.0, 20), (100.0, 40)])
def test_there_is_no_curve_where_there_is_no_fit(l2, n_tasks):
    """As few tasks as dimensions without a penalty, or a penalty that leaves nothing."""
    found = summarise_training(20, n_tasks, [40], ["fixed", "fresh"], l2=l2, parameterisation="merged", depth=2)
    assert found.error.sel(guess="fixed").isnull().all() and found.error.sel(guess="fresh").notnull().all()
