"""Linear self-attention over a prompt and its thoughts, one layer (training-data paper, eqs. 3.1, 3.2 and 3.7).

Tokens are ``(x, y, 0, 0)`` for an example and ``(0, 0, w_i, 1)`` for a thought, in rows of D, 1, D and 1 entries (1 to 4 below);
the layer adds ``V E (E^T W E) / n_context`` to the tokens ``E`` and the newest thought's third rows become the next estimate.
Examples attend to nothing that a later step reads, so only two blocks of ``V`` and ``W`` matter, and only the prompt's Gram matrix.
"""

from dataclasses import dataclass

import numpy as np

from cotdepth.checks import scale_argument


@dataclass(frozen=True, eq=False)
class LinearAttention:
    """The blocks of ``V`` and ``W`` that act on estimates.

    Attributes
    ----------
    value_block : (D, D + 1) array
        ``V``, rows of the estimate, columns ``(x, y)``: the paper's ``[V_31, V_32]``.
    score_block : (D + 1, D + 1) array
        ``W``, rows ``(x, y)``, columns of the estimate and the marker: the paper's ``[[W_13, W_14], [W_23, W_24]]``.

    Raises
    ------
    ValueError
        If the shapes do not match.
    """

    value_block: np.ndarray
    score_block: np.ndarray

    def __post_init__(self):
        rows = len(self.value_block) + 1
        for name, shape in {"value_block": (rows - 1, rows), "score_block": (rows, rows)}.items():
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(f"{name} has shape {np.shape(getattr(self, name))}: must be {shape} for {rows - 1} features")


def with_marker_scores(value_block, marker_scores, *, scale: float = 1.0) -> LinearAttention:
    """The layer with ``W_13 = c I``, as training leaves it, and trained scores of the marker.

    Parameters
    ----------
    value_block : (D, D + 1) array
        As in `LinearAttention`.
    marker_scores : (D + 1,) array
        ``[W_14; W_24]``.
    scale : float
        The constant ``c``, finite and not 0, else ValueError.
    """
    marker_scores = np.asarray(marker_scores)
    dim = len(marker_scores) - 1
    estimate_scores = scale_argument(scale) * np.eye(dim + 1, dim)                           # (D + 1, D)
    return LinearAttention(np.asarray(value_block), np.column_stack([estimate_scores, marker_scores]))


def at_optimum(preconditioner, *, scale: float = 1.0) -> LinearAttention:
    """The layer that applies this ``Gamma^-1``, (D, D): ``V_31 = -Gamma^-1 / c``, ``W_13 = c I``, ``W_24 = -c``, 0 elsewhere.

    Every ``c`` gives the same estimates. Source: training-data paper, eq. (3.6).
    """
    preconditioner = np.asarray(preconditioner)
    value_block = np.pad(-preconditioner / scale_argument(scale), [(0, 0), (0, 1)])
    return with_marker_scores(value_block, np.append(np.zeros(len(preconditioner)), -scale), scale=scale)


def lsa_step(params: LinearAttention, prompts, history: list[np.ndarray]) -> np.ndarray:
    """One chain-of-thought step, ``w_{k+1} = w_k + V_b G W_b [w_k; 1]``, for a batch of prompts.

    Parameters
    ----------
    params : LinearAttention
        The layer.
    prompts : cotdepth.prompts.Prompts
        The prompts, through their Gram matrices ``G``; the update is divided by the number of examples at every step.
    history : list of (n_prompts, D) arrays
        The estimates so far; only the newest is used.

    Returns
    -------
    (n_prompts, D) array
        The next estimates. At the optimum, ``w_k - Gamma^-1 X (X^T w_k - y) / n_context`` for any labels.

    Notes
    -----
    Source: training-data paper, eqs. (3.2) and (3.7), proposition 3.2.
    """
    marked = np.pad(history[-1], [(0, 0), (0, 1)], constant_values=1.0)                      # (n_prompts, D + 1)
    scores = marked @ params.score_block.T                                                   # (n_prompts, D + 1)
    seen = (prompts.grams @ scores[:, :, None])[:, :, 0]                                     # (n_prompts, D + 1)
    return history[-1] + seen @ params.value_block.T                                         # (n_prompts, D)
