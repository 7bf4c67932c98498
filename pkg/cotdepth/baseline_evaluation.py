"""Errors on test prompts of what one would do without a trained layer."""

import numpy as np

from cotdepth import baselines
from cotdepth.covariance import Covariance
from cotdepth.prompts import Prompts
from cotdepth.rollout import error_per_dimension

BASELINES = ("gradient descent", "newton", "least squares", "ridge")


def evaluate_baselines(prompts: Prompts, depth: int, *, covariance: Covariance, ridge: float) -> np.ndarray:
    """Errors per dimension of every baseline (`BASELINES`) at every depth, (n_baselines, depth + 1, n_prompts)."""
    estimates = [
        baselines.gradient_descent(prompts, depth),
        baselines.newton(prompts, depth, covariance=covariance),
        baselines.least_squares(prompts, depth),
        baselines.ridge(prompts, depth, ridge=ridge),
    ]
    return np.stack([error_per_dimension(estimate, prompts.weights) for estimate in estimates])
