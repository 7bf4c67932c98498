"""Errors on a target after training on mixtures of tasks: the fast ways against `finite`, task by task."""

import numpy as np
import pytest

from cotdepth.covariance import Covariance, aligned, haar, limited_support, power_law, shuffled
from cotdepth.theory import finite
from cotdepth.theory.target_errors import target_errors

DIM, DEPTH, INF = 6, 4, float("inf")
TARGET = power_law(DIM, 0.8)
MIXTURES = ["prompt", "example"]


def spectra(support):
    return [limited_support(DIM, exponent, support=size) for exponent, size in ((0.2, support), (0.8, support), (0.5, 1))]


def on_the_axes(support, rng):
    return [shuffled(task, rng=rng) for task in spectra(support)]


def turned(support, rng):
    return [haar(task, rng=rng) for task in spectra(support)]


def in_one_turned_basis(support, rng):
    """All eigenvectors known, positive eigenvalues not the first."""
    basis = haar(power_law(DIM, 0.8), rng=rng)
    return [aligned(task, basis, rng=rng) for task in spectra(support)]


def some_on_the_axes(support, rng):
    return [spectra(support)[0], *turned(support, rng)]


KINDS = [on_the_axes, turned, in_one_turned_basis, some_on_the_axes]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def by_finite(tasks, shares, n_context, mixture):
    learned = finite.mixture_preconditioner(tasks, shares, n_context, mixture=mixture)
    return finite.error_leading_order_at(learned, TARGET, depth=DEPTH)


@kinds
@pytest.mark.parametrize("n_context", [7, INF])
@pytest.mark.parametrize("support", [DIM, 4], ids=["full rank", "rank-deficient tasks"])
def test_errors_are_those_of_the_mixtures_preconditioner(kind, n_context, support):
    rng = np.random.default_rng(1)
    tasks = kind(support, rng)
    shares = rng.dirichlet(np.ones(len(tasks)), size=2)
    found = target_errors(tasks, shares, TARGET, n_context=n_context, mixture=MIXTURES, depth=DEPTH)
    assert found.dims == ("mixture", "model", "k")
    for mixture in MIXTURES:
        for row, errors in zip(shares, found.sel(mixture=mixture)):
            np.testing.assert_allclose(errors, by_finite(tasks, row, n_context, mixture), rtol=1e-8)


@kinds
@pytest.mark.parametrize("seed", range(8))
def test_directions_that_training_never_saw_keep_the_error_one(kind, seed):
    """One task of rank 2 in six dimensions: at least four directions are left, in whatever basis."""
    tasks = kind(2, np.random.default_rng(seed))
    shares = np.eye(len(tasks))[1]
    found = target_errors(tasks, [shares], TARGET, n_context=7, mixture=MIXTURES, depth=DEPTH).isel(model=0)
    for mixture in MIXTURES:
        np.testing.assert_allclose(found.sel(mixture=mixture), by_finite(tasks, shares, 7, mixture), rtol=1e-8)
    assert (found >= 4 / DIM - 1e-9).all()


def test_uncovered_axes_count_one_each_exactly():
    tasks = [Covariance([1.0, 0.5, 0, 0]), Covariance([0.2, 0.0, 0, 0])]
    settings = {"n_context": 30, "mixture": MIXTURES, "depth": 60}
    found = target_errors(tasks, [[0.5, 0.5]], Covariance([0.5, 0.5, 0.3, 0.2]), **settings)
    np.testing.assert_allclose(found.sel(k=[0, 60]), [[[1, 0.5]]] * 2, atol=1e-9)


def test_the_target_itself_is_learned_and_thought_out():
    others = [haar(limited_support(DIM, 0.2, support=3), rng=np.random.default_rng(0))]
    found = target_errors([haar(TARGET, rng=np.random.default_rng(1)), *others, Covariance(TARGET.spectrum, np.eye(DIM))],
                          [[0, 0, 1]], TARGET, n_context=INF, mixture=["example"], depth=2)  # fmt: skip
    np.testing.assert_allclose(found.values.ravel(), [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_rounding_does_not_pass_for_a_direction_that_training_saw(seed):
    """Rank 29 in 30 dimensions: rounding makes about every other such matrix positive definite."""
    tasks, target = [haar(limited_support(30, 0.5, support=29), rng=np.random.default_rng(seed))], power_law(30, 0.8)
    found = target_errors(tasks, [[1.0]], target, n_context=7, mixture=MIXTURES, depth=2)
    for mixture, errors in zip(MIXTURES, found.isel(model=0)):
        learned = finite.mixture_preconditioner(tasks, [1.0], 7, mixture=mixture)
        np.testing.assert_allclose(errors, finite.error_leading_order_at(learned, target, depth=2), rtol=1e-8)


def test_a_turned_target_is_refused():
    target = haar(TARGET, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="^target has a basis of its own: must be on the axes"):
        target_errors([TARGET], [[1.0]], target, n_context=7, mixture=MIXTURES, depth=2)
