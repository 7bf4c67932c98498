"""What one would do without a trained layer, against its definitions and, for Newton's method, exact theory."""

import numpy as np
import pytest

from cotdepth import baselines
from cotdepth.baseline_evaluation import BASELINES, evaluate_baselines
from cotdepth.covariance import haar, power_law
from cotdepth.prompts import Prompts, draw_prompts
from cotdepth.rollout import error_per_dimension
from cotdepth.theory import finite

TASK = haar(power_law(4, 0.7), rng=np.random.default_rng(0))


def some_prompts(n_context, n_prompts=30, label_noise=0.0):
    return draw_prompts(TASK, n_context, n_prompts, label_noise=label_noise, rng=np.random.default_rng(n_context))


def squared_errors(prompts, estimates):
    """``|y - X^T w_k|^2 / n_context`` at every depth and prompt."""
    ended = np.concatenate([-estimates, np.ones((*estimates.shape[:2], 1))], axis=2)
    return np.einsum("kpi,pij,kpj->kp", ended, prompts.grams, ended)


def test_literal_prompts():
    """From features and labels, not their Gram matrix."""
    rng = np.random.default_rng(0)
    features, labels = rng.standard_normal((3, 4, 9)), rng.standard_normal((3, 9))
    rows = np.concatenate([features, labels[:, None]], axis=1)
    prompts = Prompts(np.zeros((3, 4)), rows @ rows.transpose(0, 2, 1) / 9)
    found, regularised = baselines.least_squares(prompts, 1)[1], baselines.ridge(prompts, 1, ridge=0.3)[1]
    for x, y, estimate, ridge in zip(features, labels, found, regularised):
        np.testing.assert_allclose(estimate, np.linalg.lstsq(x.T, y)[0], rtol=1e-9)
        augmented = np.vstack([x.T, np.sqrt(9 * 0.3) * np.eye(4)])
        np.testing.assert_allclose(ridge, np.linalg.lstsq(augmented, np.append(y, np.zeros(4)))[0], rtol=1e-9)


@pytest.mark.parametrize("n_context", [4, 5, 40])
def test_least_squares_is_exact_without_noise_where_prompts_are_long_enough(n_context):
    prompts = some_prompts(n_context)
    np.testing.assert_allclose(baselines.least_squares(prompts, 2)[1:], [prompts.weights] * 2, atol=1e-6)


def test_least_squares_of_short_prompts_is_the_task_where_the_examples_are():
    """Two examples in four dimensions: what is left of the task is orthogonal to them, and to the estimate."""
    prompts = some_prompts(2)
    left = prompts.weights - baselines.least_squares(prompts, 1)[1]
    np.testing.assert_allclose(prompts.grams[:, :4, :4] @ left[:, :, None], 0, atol=1e-8)
    np.testing.assert_allclose(np.sum(left * (prompts.weights - left), axis=1), 0, atol=1e-8)


@pytest.mark.parametrize("n_context", [2, 8])
def test_little_ridge_is_least_squares_and_much_is_nothing(n_context):
    prompts = some_prompts(n_context, label_noise=0.5)
    little, much = (baselines.ridge(prompts, 1, ridge=ridge)[1] for ridge in (1e-9, 1e9))
    np.testing.assert_allclose(little, baselines.least_squares(prompts, 1)[1], atol=1e-4)
    np.testing.assert_allclose(much, 0, atol=1e-7)


@pytest.mark.parametrize("n_context", [2, 8])
def test_gradient_descent_goes_down_to_least_squares(n_context):
    prompts = some_prompts(n_context, label_noise=0.5)
    estimates = baselines.gradient_descent(prompts, 3000)
    losses = squared_errors(prompts, estimates)
    assert np.diff(losses, axis=0).max() < 1e-12 and (losses[1] < losses[0]).all()
    least = squared_errors(prompts, baselines.least_squares(prompts, 1))[1]
    np.testing.assert_allclose(losses[-1], least, atol=1e-4)
    assert np.median(np.abs(estimates[-1] - baselines.least_squares(prompts, 1)[1])) < 1e-6


def test_newton_has_the_mean_error_of_the_exact_theory():
    """False alarm 2e-4: four standard errors of a mean over 20,000 prompts, at three depths."""
    prompts = some_prompts(40, 20_000)
    errors = error_per_dimension(baselines.newton(prompts, 3, covariance=TASK), prompts.weights)[1:]
    exact = finite.error_exact_at(np.linalg.inv(TASK.matrix), TASK, n_context_test=40, depth=3).values[1:]
    assert (np.abs(errors.mean(1) - exact) < 4 * errors.std(1) / np.sqrt(20_000)).all()


def test_every_baseline_starts_at_zero_and_is_where_its_name_says():
    prompts = some_prompts(8, label_noise=0.1)
    found = evaluate_baselines(prompts, 3, covariance=TASK, ridge=0.2)
    assert found.shape == (len(BASELINES), 4, 30)
    np.testing.assert_allclose(found[:, 0], [np.mean(prompts.weights**2, axis=1)] * 4)
    settings = {"newton": {"covariance": TASK}, "ridge": {"ridge": 0.2}}
    for name, errors in zip(BASELINES, found):
        estimates = getattr(baselines, name.replace(" ", "_"))(prompts, 3, **settings.get(name, {}))
        np.testing.assert_allclose(errors, error_per_dimension(estimates, prompts.weights))
