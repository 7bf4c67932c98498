"""What one would do with a prompt without a trained layer: estimates after every number of steps, from the guess 0.

Two are iterations, so that depth means the same as for a layer: ``w_{k+1} = w_k + P (b - S w_k)`` with ``S = X X^T / m`` and
``b = X y / m``. Two are solved at once: the guess at depth 0, the solution from depth 1 on.
"""

import numpy as np

from cotdepth.covariance import Covariance
from cotdepth.prompts import Prompts


def gradient_descent(prompts: Prompts, depth: int) -> np.ndarray:
    """Gradient descent on each prompt's squared error with step size ``1 / |S|``; (depth + 1, n_prompts, D)."""
    second, _ = _moments(prompts)
    largest = np.linalg.eigvalsh(second)[:, -1]                              # (n_prompts,)
    return _iterate(np.eye(second.shape[-1]) / largest[:, None, None], prompts, depth)


def newton(prompts: Prompts, depth: int, *, covariance: Covariance) -> np.ndarray:
    """Newton's method with the Hessian's mean, the feature covariance, in place of the prompt's own; (depth + 1, n_prompts, D).

    Source: training-data paper, remark 3.3: what the trained layer tends to for long training prompts.
    """
    inverse = np.linalg.pinv(covariance.matrix, hermitian=True)
    return _iterate(inverse, prompts, depth)


def least_squares(prompts: Prompts, depth: int) -> np.ndarray:
    """Ordinary least squares, the solution of least norm where prompts are short; (depth + 1, n_prompts, D)."""
    second, mixed = _moments(prompts)
    solution = (np.linalg.pinv(second, hermitian=True) @ mixed[:, :, None])[:, :, 0]
    return _at_once(solution, depth)


def ridge(prompts: Prompts, depth: int, *, ridge: float) -> np.ndarray:
    """Ridge regression, ``(S + ridge I)^-1 b``, of least norm for a ridge of 0; (depth + 1, n_prompts, D)."""
    if ridge == 0:
        return least_squares(prompts, depth)
    second, mixed = _moments(prompts)
    solution = np.linalg.solve(second + ridge * np.eye(second.shape[-1]), mixed[:, :, None])[:, :, 0]
    return _at_once(solution, depth)


def _moments(prompts):
    """``S`` (n_prompts, D, D) and ``b`` (n_prompts, D) of each prompt."""
    return prompts.grams[:, :-1, :-1], prompts.grams[:, :-1, -1]


def _iterate(preconditioner, prompts, depth):
    second, mixed = _moments(prompts)
    estimates = [np.zeros_like(mixed)]
    for _ in range(depth):
        residual = mixed[:, :, None] - second @ estimates[-1][:, :, None]     # (n_prompts, D, 1)
        estimates.append(estimates[-1] + (preconditioner @ residual)[:, :, 0])
    return np.stack(estimates)


def _at_once(solution, depth):
    return np.stack([np.zeros_like(solution), *[solution] * depth])
