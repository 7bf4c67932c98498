"""The block that Adam would find on a pool, given time: least squares of task weights on prompt statistics."""

import numpy as np

from cotdepth.checks import scale_argument
from cotdepth.prompts import Prompts


def fit_least_squares(pool: Prompts, *, scale: float = 1.0) -> np.ndarray:
    """The minimiser of a pool's training loss over ``V_31``: ``-(sum w z^T)(sum z z^T)^-1 / c`` with ``z = X y / n_context``.

    Parameters
    ----------
    pool : Prompts
        At least as many prompts as features.
    scale : float
        The constant ``c`` of the initialisation.

    Returns
    -------
    (D, D) array
        The smallest one, which training from 0 finds, where features span fewer directions than D.

    Raises
    ------
    ValueError
        If the pool has fewer prompts than features, or `scale` is out of range.

    Notes
    -----
    Training-data paper, eq. (3.3) with all but ``V_31`` as in its initialisation; derived for this project.
    """
    n_prompts, dim = pool.weights.shape
    if n_prompts < dim:
        raise ValueError(f"pool has {n_prompts} prompts: {dim} features need at least as many, or the block is not determined")
    return -np.linalg.lstsq(pool.statistics, pool.weights)[0].T / scale_argument(scale)
