"""Pools of task families and coloured test prompts with noisy labels follow the same law as the plain ways."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from cotdepth.covariance import haar, limited_support, power_law
from cotdepth.families import Deployment, Family, covariance_root
from cotdepth.family_evaluation import evaluate_tasks
from cotdepth.family_pools import draw_families

FALSE_ALARM = 1e-4   # of each comparison
STEEP = haar(power_law(5, 1.0), rng=np.random.default_rng(21))
FLAT = power_law(5, 0.3)
SHORT = haar(limited_support(5, 1.0, support=2), rng=np.random.default_rng(25))


def plain_prompts(covariance, weights, n_context, noise, rng):
    """Features (n_prompts, n_context, D) and labels (n_prompts, n_context) written out."""
    white = rng.standard_normal((len(weights), n_context, covariance.dim))
    features = white @ covariance_root(covariance)
    return features, np.einsum("pld,pd->pl", features, weights) + noise * rng.standard_normal(white.shape[:2])


@pytest.mark.parametrize("noise", [0.0, 1.5])
def test_each_family_of_a_pool_follows_the_law_of_plain_prompts(noise):
    rng = np.random.default_rng(22)
    families = [Family(STEEP, 3000, 4, noise), Family(FLAT, 2000, 9, 0.5)]
    pool = draw_families(families, rng)
    for family, part in zip(families, (slice(0, 3000), slice(3000, 5000))):
        weights = rng.standard_normal((family.n_tasks, 5))
        features, labels = plain_prompts(family.covariance, weights, family.n_context, family.label_noise, rng)
        statistics = np.einsum("pld,pl->pd", features, labels) / family.n_context
        for measure in (lambda w, b: np.sum(w * b, axis=1), lambda w, b: np.sum(b**2, axis=1), lambda w, b: b[:, 0], lambda w, b: b[:, 4]):
            found, plain = measure(pool.weights[part], pool.statistics[part]), measure(weights, statistics)
            assert ks_2samp(found, plain).pvalue > FALSE_ALARM


@pytest.mark.parametrize("covariance", [STEEP, SHORT], ids=["full rank", "rank 2"])
@pytest.mark.parametrize("n_context, noise", [(3, 0.0), (4, 1.0), (12, 0.0), (12, 1.0)])
def test_coloured_prompts_follow_the_law_of_plain_prompts_at_every_depth(covariance, n_context, noise):
    """Deeper than there are directions to ask for, too."""
    rng, depth, count = np.random.default_rng(23), 8, 3000
    matrix = 0.5 * np.eye(5) + 0.1 * rng.standard_normal((5, 5))
    used = Deployment(root=covariance_root(covariance), n_context=n_context, noise=noise, step_size=0.7, depth=depth)
    rngs = [np.random.default_rng([24, prompt]) for prompt in range(count)]
    found = evaluate_tasks(matrix, rng.standard_normal((count, 5)), used, rngs)
    weights = rng.standard_normal((count, 5))
    features, labels = plain_prompts(covariance, weights, n_context, noise, rng)
    estimates = np.zeros_like(weights)
    for k in range(depth + 1):
        plain = np.mean((weights - estimates) ** 2, axis=1)
        assert ks_2samp(found[k], plain).pvalue > FALSE_ALARM
        left = labels - np.einsum("pld,pd->pl", features, estimates)
        estimates = estimates + 0.7 * np.einsum("pld,pl->pd", features, left) / n_context @ matrix.T
