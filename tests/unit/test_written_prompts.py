"""Prompts written out have the law of those drawn by their Gram matrices."""

import numpy as np
import pytest

from cotdepth.covariance import haar, limited_support, power_law
from cotdepth.prompts import draw_prompts
from cotdepth.written_prompts import write_prompts

TASK = haar(power_law(3, 1.0), rng=np.random.default_rng(4))


def written(n_prompts=4, n_context=5, covariance=TASK, seed=0, **options):
    return write_prompts(covariance, n_context, n_prompts, rng=np.random.default_rng([16, seed]), **options)


def test_labels_without_noise_are_those_of_the_task():
    prompts = written()
    assert prompts.examples.shape == (4, 5, 4) and prompts.weights.shape == (4, 3)
    labels = np.einsum("pnd,pd->pn", prompts.examples[:, :, :-1], prompts.weights)
    np.testing.assert_allclose(prompts.examples[:, :, -1], labels, rtol=0, atol=1e-12)


def test_gram_matrices_are_averages_over_examples():
    prompts = written()
    expected = np.mean([np.outer(example, example) for example in prompts.examples[2]], axis=0)
    np.testing.assert_allclose(prompts.grams[2], expected, rtol=0, atol=1e-12)


def test_gram_matrices_have_the_law_of_those_drawn_directly():
    """Means and second moments of all entries, and their products with the task: five standard errors, false alarm 1e-4."""
    n_prompts = 20_000
    both = written(n_prompts, label_noise=0.7), draw_prompts(TASK, 5, n_prompts, label_noise=0.7, rng=np.random.default_rng(17))
    rows = [np.concatenate([each.grams.reshape(n_prompts, -1), np.einsum("pi,pjk->pijk", each.weights, each.grams).reshape(n_prompts, -1)],
                           axis=1) for each in both]
    for one, other in zip(*([each, each**2] for each in rows)):
        error = np.sqrt((one.var(0) + other.var(0)) / n_prompts)
        assert np.all(np.abs(one.mean(0) - other.mean(0)) < 5 * error)


def test_features_stay_on_the_support():
    covariance = haar(limited_support(3, 1.0, support=2), rng=np.random.default_rng(3))
    assert np.linalg.matrix_rank(written(covariance=covariance).examples[0, :, :-1], tol=1e-6) == 2


def test_more_prompts_leave_the_first_ones_as_they_were():
    few, many = written(2, label_noise=0.3), written(6, label_noise=0.3)
    assert np.array_equal(few.examples, many.examples[:2]) and np.array_equal(few.weights, many.weights[:2])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_context": 0}, "^n_context = 0: must be an integer of at least 1"),
        ({"n_prompts": 1.5}, "^n_prompts = 1.5: must be an integer of at least 1"),
        ({"label_noise": -1.0}, "^label_noise = -1.0: a standard deviation is non-negative and finite"),
        ({"label_noise": np.nan}, "^label_noise = nan: a standard deviation"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        written(**options)
