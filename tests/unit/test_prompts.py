"""Prompts by their Gram matrices: layout, degenerate cases, what is refused. Their law is tested in tests/statistics."""

import numpy as np
import pytest
from scipy.linalg import null_space

from cotdepth.covariance import haar, identity, limited_support, power_law
from cotdepth.prompts import draw_mixture, draw_prompts

TASKS, SHARES = [power_law(4, 1.0), haar(power_law(4, 2.0), rng=np.random.default_rng(5))], [0.3, 0.7]


def one_task(n_context, n_prompts, seed=1, **options):
    return draw_prompts(TASKS[1], n_context, n_prompts, rng=np.random.default_rng(seed), **options)


def several_tasks(mixture, n_context, n_prompts, seed=1, **options):
    return draw_mixture(TASKS, SHARES, n_context, n_prompts, mixture=mixture, rng=np.random.default_rng(seed), **options)


DRAWS = {
    "one task": one_task,
    "per prompt": lambda *args, **options: several_tasks("prompt", *args, **options),
    "per example": lambda *args, **options: several_tasks("example", *args, **options),
}


@pytest.mark.parametrize("n_context", [1, 3, 30])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_more_prompts_leave_the_first_ones_as_they_were(draw, n_context):
    few, many = draw(n_context, 7, label_noise=0.5), draw(n_context, 200, label_noise=0.5)
    assert few.weights.shape == (7, 4) and few.grams.shape == (7, 5, 5)
    assert np.array_equal(many.weights[:7], few.weights) and np.array_equal(many.grams[:7], few.grams)


def test_a_second_call_draws_other_prompts():
    rng = np.random.default_rng(1)
    first, second = (draw_prompts(TASKS[0], 6, 3, rng=rng) for _ in range(2))
    assert not np.isclose(first.weights, second.weights).any() and not np.isclose(first.grams, second.grams).any()


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_labels_without_noise_are_linear_in_the_features(draw):
    prompts = draw(3, 20)
    covariances = prompts.grams[:, :-1, :-1]
    np.testing.assert_allclose(prompts.statistics, np.einsum("pij,pj->pi", covariances, prompts.weights), atol=1e-13)
    squares = np.einsum("pi,pi->p", prompts.weights, prompts.statistics)
    np.testing.assert_allclose(prompts.grams[:, -1, -1], squares, rtol=1e-11)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("n_context, rank", [(1, 1), (3, 3), (4, 4), (5, 5), (9, 5)])
def test_rank_of_noisy_prompts_is_the_number_of_examples(draw, n_context, rank):
    eigenvalues = np.linalg.eigvalsh(draw(n_context, 20, label_noise=1.0).grams)
    assert np.all(np.sum(eigenvalues > 1e-9, axis=1) == rank) and eigenvalues.min() > -1e-12


def test_features_stay_in_the_range_of_their_covariance():
    covariance = haar(limited_support(4, 1.0, support=2), rng=np.random.default_rng(3))
    null = null_space(covariance.matrix)
    grams = draw_prompts(covariance, 6, 5, rng=np.random.default_rng(0)).grams
    np.testing.assert_allclose(grams[:, :-1, :-1] @ null, 0, atol=1e-14)


def test_noise_leaves_features_as_they_were():
    quiet, noisy = one_task(6, 5), one_task(6, 5, label_noise=2.0)
    assert np.array_equal(quiet.grams[:, :-1, :-1], noisy.grams[:, :-1, :-1])
    assert not np.isclose(quiet.statistics, noisy.statistics).any()


def test_a_task_of_probability_0_is_never_drawn():
    tasks = [identity(3), power_law(3, 1.0)]
    for mixture in ("prompt", "example"):
        draws = [draw_mixture([task, identity(3)], [0.0, 1.0], 5, 6, mixture=mixture, rng=np.random.default_rng(2)) for task in tasks]
        assert np.array_equal(draws[0].grams, draws[1].grams)


@pytest.mark.parametrize(
    "draw, message",
    [
        (lambda rng: draw_prompts(identity(2), 0, 3, rng=rng), "^n_context = 0: must be an integer of at least 1"),
        (lambda rng: draw_prompts(identity(2), np.inf, 3, rng=rng), "^n_context = inf: must be an integer"),
        (lambda rng: draw_prompts(identity(2), 3, 1.5, rng=rng), "^n_prompts = 1.5: must be an integer"),
        (lambda rng: draw_prompts(identity(2), 3, 3, label_noise=-0.1, rng=rng), "^label_noise = -0.1: .* non-negative"),
        (lambda rng: draw_prompts(identity(2), 3, 3, label_noise=np.nan, rng=rng), "^label_noise = nan: .* finite"),
        (lambda rng: draw_prompts([-1.0, 1.0], 3, 3, rng=rng), "^covariance has the eigenvalue -1"),
        (lambda rng: draw_mixture(TASKS, SHARES, 3, 3, mixture="task", rng=rng), "^mixture = 'task': must be 'prompt' or 'example'"),
        (lambda rng: draw_mixture(TASKS, [0.3, 0.8], 3, 3, mixture="prompt", rng=rng), r"^probabilities = \[0.3, 0.8\]: .*sum 1"),
        (lambda rng: draw_mixture(TASKS, SHARES, 3, 0, mixture="example", rng=rng), "^n_prompts = 0: must be an integer"),
    ],
)
def test_arguments_out_of_range_are_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(np.random.default_rng(0))
