"""The reduced model: linear attention whose only trained block is one matrix acting on the prompt's statistic."""

import numpy as np


def reduced_step(matrix: np.ndarray, prompts, history: list[np.ndarray]) -> np.ndarray:
    """One chain-of-thought step, ``w_{k+1} = w_k + A X (y - X^T w_k) / L``, for a batch of prompts.

    Parameters
    ----------
    matrix : (dim, dim) array
        The fitted matrix ``A``.
    prompts : cotdepth.revealed.RevealedPrompts or cotdepth.revealed.ColouredPrompts
        The prompts, through the statistic of what an estimate leaves of their labels.
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
    return history[-1] + prompts.residual_statistic(history[-1]) @ matrix.T   # (n_prompts, D)
