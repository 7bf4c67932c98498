"""The fast ways to draw pools and prompts follow the same law as the plain ways."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from cotdepth.evaluation import evaluate_reduced
from cotdepth.pools import draw_pool

FALSE_ALARM = 1e-4   # of each comparison


def plain_statistics(n_tasks, n_context, dim, sigma, rng):
    """Weights and statistics of a pool from feature vectors and labels written out."""
    weights = rng.standard_normal((n_tasks, dim))
    features = rng.standard_normal((n_tasks, n_context, dim))
    noise = sigma * np.sqrt(dim) * rng.standard_normal((n_tasks, n_context))
    labels = np.einsum("mld,md->ml", features, weights) + noise
    return weights, np.einsum("ml,mld->md", labels, features) / n_context


@pytest.mark.parametrize(("n_context", "dim", "sigma"), [(1, 3, 0.5), (4, 6, 0.0), (20, 5, 1.0)])
def test_pools_follow_the_law_of_plain_prompts(n_context, dim, sigma):
    rng = np.random.default_rng(11)
    pool = draw_pool(4000, n_context, dim, sigma=sigma, rng=rng)
    weights, statistics = plain_statistics(4000, n_context, dim, sigma, rng)
    for measure in (
        lambda w, b: np.sum(w * b, axis=1),
        lambda w, b: np.sum(b**2, axis=1),
        lambda w, b: b[:, 0],
        lambda w, b: np.sum(w * b, axis=1) ** 2 / np.sum(b**2, axis=1) / np.sum(w**2, axis=1),
    ):
        assert ks_2samp(measure(pool.weights, pool.statistics), measure(weights, statistics)).pvalue > FALSE_ALARM


def plain_errors(matrix, n_context, depth, n_prompts, rng):
    """Errors of a rollout on prompts whose covariance is written out."""
    dim = len(matrix)
    features = rng.standard_normal((n_prompts, n_context, dim))
    covariances = features.transpose(0, 2, 1) @ features / n_context
    residual = rng.standard_normal((n_prompts, dim))
    errors = [np.mean(residual**2, axis=1)]
    for _ in range(depth):
        residual = residual - (covariances @ residual[:, :, None])[:, :, 0] @ matrix.T
        errors.append(np.mean(residual**2, axis=1))
    return np.stack(errors)


@pytest.mark.parametrize("n_context", [3, 8, 20])
def test_revealed_prompts_follow_the_law_of_plain_prompts_at_every_depth(n_context):
    rng = np.random.default_rng(12)
    matrix = 0.6 * np.eye(8) + 0.1 * rng.standard_normal((8, 8))
    rngs = [np.random.default_rng([13, prompt]) for prompt in range(4000)]
    revealed = evaluate_reduced(matrix, n_context=n_context, depth=10, rngs=rngs)
    plain = plain_errors(matrix, n_context, 10, 4000, rng)
    for k in range(11):
        assert ks_2samp(revealed[k], plain[k]).pvalue > FALSE_ALARM
