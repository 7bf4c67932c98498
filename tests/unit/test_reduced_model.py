"""The reduced model: its fit, its step, its rollout, and the random numbers behind them."""

import numpy as np
import pytest
import torch
import xarray as xr

from cotdepth.evaluation import evaluate_reduced, label_errors, prompt_streams
from cotdepth.fit.ridge import fit_ridge
from cotdepth.models.reduced import reduced_step
from cotdepth.pools import draw_pool, draw_recipe, pool_recipe
from cotdepth.revealed import RevealedPrompts
from cotdepth.rollout import error_per_dimension, rollout
from cotdepth.stamps import ArtifactError
from cotdepth.summary import summarise

SETTING = {"experiment_seed": 3, "cell": "a cell", "dim": 8, "alpha": 1.5, "tau": 2.0, "sigma": 0.1}


def some_pool(n_tasks=20, n_context=12, dim=8):
    return draw_pool(n_tasks, n_context, dim, sigma=0.1, rng=np.random.default_rng(1))


@pytest.mark.parametrize(("n_tasks", "ridge"), [(20, 0.0), (20, 0.3), (5, 0.1)])
def test_the_fit_has_zero_gradient_by_autograd(n_tasks, ridge):
    pool = some_pool(n_tasks)
    weights, statistics = torch.tensor(pool.weights), torch.tensor(pool.statistics)
    matrix = torch.tensor(fit_ridge(pool, ridge), requires_grad=True)
    loss = ((statistics @ matrix.T - weights) ** 2).sum() / n_tasks + ridge / 2 * (matrix**2).sum()
    loss.backward()
    assert matrix.grad.abs().max() < 1e-11


@pytest.mark.parametrize(("n_tasks", "ridge"), [(20, -0.1), (5, 0.0)])
def test_a_fit_that_is_not_determined_is_refused(n_tasks, ridge):
    with pytest.raises(ValueError, match=f"ridge = {ridge:g}: {n_tasks} tasks in 8 dimensions"):
        fit_ridge(some_pool(n_tasks), ridge)


class DensePrompts:
    """Prompts with their covariances written out."""

    def __init__(self, weights, covariances):
        self.weights, self.covariances = weights, covariances

    def residual_statistic(self, estimates):
        return (self.covariances @ (self.weights - estimates)[:, :, None])[:, :, 0]


def test_a_rollout_is_a_power_of_the_error_matrix():
    rng = np.random.default_rng(2)
    matrix, weights = rng.standard_normal((5, 5)), rng.standard_normal((3, 5))
    factors = rng.standard_normal((3, 5, 7))
    covariances = factors @ factors.transpose(0, 2, 1) / 7
    estimates = rollout(reduced_step, matrix, DensePrompts(weights, covariances), np.zeros((3, 5)), depth=6)
    for prompt in range(3):
        power = np.linalg.matrix_power(np.eye(5) - matrix @ covariances[prompt], 6)
        assert weights[prompt] - estimates[6, prompt] == pytest.approx(power @ weights[prompt], rel=1e-10)


def test_error_is_per_dimension_and_one_on_average_for_the_zero_guess():
    weights = np.random.default_rng(0).standard_normal((1000, 50))
    errors = error_per_dimension(np.zeros((1, 1000, 50)), weights)
    assert errors.shape == (1, 1000)
    assert errors.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 50_000))


def test_revealed_prompts_act_as_one_symmetric_positive_matrix():
    rngs = [np.random.default_rng(prompt) for prompt in range(4)]
    prompts = RevealedPrompts(6, np.zeros((4, 9)), rngs, depth=9)
    asked = np.random.default_rng(9).standard_normal((9, 4, 9))
    answers = np.stack([prompts.covariance_times(vectors) for vectors in asked])
    again = np.stack([prompts.covariance_times(vectors) for vectors in asked])
    assert again == pytest.approx(answers, abs=1e-12)
    for prompt in range(4):
        form = asked[:, prompt] @ answers[:, prompt].T
        assert form == pytest.approx(form.T, abs=1e-10)
        eigenvalues = np.linalg.eigvalsh(form)
        assert eigenvalues.min() > -1e-10
        assert np.sum(eigenvalues > 1e-10) == 6   # as many as there are examples


def reduced_errors(n_test, depth):
    recipe = pool_recipe(**SETTING, seeds=1)
    rngs = prompt_streams(recipe, 0, n_test)
    return evaluate_reduced(fit_ridge(draw_recipe(recipe, 0), 0.0), n_context=12, depth=depth, rngs=rngs)


def test_more_prompts_and_deeper_rollouts_leave_the_rest_as_it_was():
    few, many = reduced_errors(n_test=3, depth=4), reduced_errors(n_test=40, depth=11)
    assert many[:5, :3] == pytest.approx(few, rel=1e-9)


def test_a_recipe_is_drawn_again_to_the_bit_and_refuses_another_pool():
    recipe = pool_recipe(**SETTING, seeds=2)
    assert recipe.digest[0] != recipe.digest[1]
    assert np.array_equal(draw_recipe(recipe, 1).statistics, draw_recipe(recipe, 1).statistics)
    recipe["sigma"] = 0.2
    with pytest.raises(ArtifactError, match="seed 0: drawn again it differs from its recipe"):
        draw_recipe(recipe, 0)


def test_the_summary_keeps_means_medians_and_quantiles_of_each_pool():
    errors = [np.array([[1.0, 2.0, 6.0], [0.0, 4.0, 8.0]]), np.ones((2, 3))]
    recipe = xr.Dataset(coords={name: 1.0 for name in ("dim", "alpha", "tau", "sigma")} | {"seed": [0, 1]})
    summary = summarise(label_errors(errors, recipe), [0.5], source="a test")
    assert summary.error_mean.sel(seed=0).values.tolist() == [3.0, 4.0]
    assert summary.error_median.sel(seed=0, k=0) == 2.0
    assert np.array_equal(summary.error_quantile.sel(quantile=0.5), summary.error_median)
