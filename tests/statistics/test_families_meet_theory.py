"""The reduced model fitted to task families of any covariances, at growing dimension, against the general formula."""

from functools import cache

import numpy as np
import pytest

from cotdepth.families import TESTED_ON, deployment, training_families
from cotdepth.family_evaluation import evaluate_tasks, tasks_to_test
from cotdepth.family_pools import draw_families
from cotdepth.family_theory import predicted_errors
from cotdepth.fit.ridge import fit_ridge
from cotdepth.streams import stream

COVARIANCES = {
    "isotropic": {"exponent": 0, "trace": "dim"},
    "power-law": {"exponent": 0.5, "trace": "dim"},
    "two-level": {"levels": [1.6, 0.4], "trace": "dim"},
    "mirrored": {"levels": [0.4, 1.6], "trace": "dim"},
    "turned": {"levels": [1.6, 0.4], "trace": "dim", "basis": "pairs", "angle": 30},
}
BASE = {"covariances": COVARIANCES, "experiment_seed": 1, "shares": [1], "alpha": 3, "alpha_test": 3, "sigma": 0, "sigma_test": 0,
        "ridge": 0, "step_size": 1, "depth": 3}  # fmt: skip
CASES = {
    "ridge, fewer tasks than features": {"train_covariance": "power-law", "test_covariance": "isotropic", "tau": 0.8, "ridge": 0.4},
    "two families": {"train_covariance": ["two-level", "mirrored"], "shares": [0.75, 0.25], "alpha": [3, 1.5], "tau": 4,
                     "test_covariance": "isotropic"},
    "a turned pair": {"train_covariance": "two-level", "test_covariance": "turned", "tau": 4.5},
    "noisy labels": {"train_covariance": "two-level", "test_covariance": "two-level", "tau": 3, "sigma": 0.5, "sigma_test": 0.3,
                     "ridge": 0.1, "step_size": 0.8},
}  # fmt: skip
POOLS, PROMPTS, DEPTHS = {100: 96, 200: 64, 400: 32}, 48, (1, 3)


def pool_errors(case, dim, seed):
    """Mean errors (tested_on, k) of a model fitted to one pool."""
    spec, name = BASE | CASES[case] | {"dim": dim}, {"cell": f"{case} {dim}", "seed": seed}
    pool = draw_families(training_families(spec), stream(9, "pool", **name))
    matrix, used = fit_ridge(pool, spec["ridge"]), deployment(spec)
    rngs = {tested_on: [stream(9, tested_on, prompt=prompt, **name) for prompt in range(PROMPTS)] for tested_on in TESTED_ON}
    tasks = tasks_to_test(pool.weights, rngs)
    return [evaluate_tasks(matrix, tasks[tested_on], used, rngs[tested_on]).mean(1) for tested_on in TESTED_ON]


@cache
def gaps(case):
    """Relative gaps to theory at the same dimension and their standard errors, each (dim, tested_on, k)."""
    found = []
    for dim, count in POOLS.items():
        errors = np.array([pool_errors(case, dim, seed) for seed in range(count)])
        theory = predicted_errors(BASE | CASES[case] | {"dim": dim}).error.values
        found.append((errors.mean(0) / theory - 1, errors.std(0, ddof=1) / np.sqrt(count) / theory))
    return np.moveaxis(found, 1, 0)


def intercept(values, errors):
    """``a`` of the weighted fit ``a + b / D``, and its standard error."""
    terms = np.stack([np.ones(len(POOLS)), 1 / np.array(list(POOLS))], axis=1) / errors[:, None]
    covariance = np.linalg.inv(terms.T @ terms)
    return (covariance @ terms.T @ (values / errors))[0], np.sqrt(covariance[0, 0])


@pytest.mark.parametrize("tested_on", TESTED_ON)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("k", DEPTHS)
def test_simulation_extrapolated_to_infinite_dimension_meets_the_general_formula(case, tested_on, k):
    """False alarm 0.3% each (three standard errors); the standard error is at most 2% of the theory."""
    values, errors = (part[:, TESTED_ON.index(tested_on), k] for part in gaps(case))
    gap, error = intercept(values, errors)
    assert error < 0.02
    assert abs(gap) < 3 * error, f"{gap:.4f} +- {error:.4f}; gaps {values}, errors {errors}"
