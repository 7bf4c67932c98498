"""The reduced model: linear attention whose only trained block is one matrix acting on the prompt's statistic."""

import numpy as np


def reduced_step(matrix: np.ndarray, prompts, history: list[np.ndarray]) -> np.ndarray:
    """One chain-of-thought step, ``w_{k+1} = w_k + A S (w - w_k)``, for a batch of noiseless prompts.

    Parameters
    ----------
    matrix : (dim, dim) array
        The fitted matrix ``A``.
    prompts : cotdepth.revealed.RevealedPrompts
        The prompts, through products with their sample covariance ``S``; ``S w`` is the statistic ``b`` of a prompt.
    history : list of (n_prompts, dim) arrays
        The estimates so far; only the newest is used.

    Returns
    -------
    (n_prompts, dim) array
        The next estimates.

    Notes
    -----
    Source: asymptotic paper, section 3 (the simplified linear attention model).
    """
    residual = prompts.weights - history[-1]                     # (n_prompts, D)
    return history[-1] + prompts.covariance_times(residual) @ matrix.T   # (n_prompts, D)
