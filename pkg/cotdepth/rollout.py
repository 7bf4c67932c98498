"""The chain-of-thought loop, one for every model."""

import numpy as np


def rollout(step, params, prompts, initial: np.ndarray, depth: int) -> np.ndarray:
    """Apply a model's step ``depth`` times, each to all estimates so far.

    Parameters
    ----------
    step : callable
        ``step(params, prompts, history) -> estimate``.
    params, prompts
        Passed on to ``step``.
    initial : (n_prompts, dim) array
        The initial guess.
    depth : int
        Number of steps.

    Returns
    -------
    (depth + 1, n_prompts, dim) array
        The estimates ``w_0 .. w_depth``.
    """
    history = [initial]
    for _ in range(depth):
        history.append(step(params, prompts, history))
    return np.stack(history)


def error_per_dimension(estimates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``|w - w_k|^2 / dim`` for estimates ``(depth + 1, n_prompts, dim)`` of weights ``(n_prompts, dim)``."""
    return np.mean((weights - estimates) ** 2, axis=-1)
