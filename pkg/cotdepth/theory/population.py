"""What gradient descent on infinitely many noiseless prompts finds (training-data paper, section 3.1).

Prompts have `n_context` examples ``x ~ N(0, Lambda)``, ``y = x.w`` with ``w ~ N(0, I)``. One linear self-attention layer
with the paper's initialisation has one trainable block ``V_31`` (here `block`), shape (D, D), beside a constant ``c``
(here `scale`); it maps a prompt to the estimate ``-c V_31 X y / n_context``. Losses are totals over the ``D`` coordinates,
as in the paper, eq. (3.4): step sizes refer to them.
"""

import numpy as np

from cotdepth.checks import scale_argument, whole_number
from cotdepth.covariance import as_covariance

# --- one task -----------------------------------------------------------------------------------------------------


def hardness(covariance) -> float:
    """How hard a task is: ``tr(Lambda) / lambda_min(Lambda)`` over the non-zero spectrum.

    Invariant to the scale of ``Lambda`` and at least its rank. An easy task has few, equally strong skills (eigenvectors);
    a hard one a long tail of weak ones. Raises ValueError if `covariance` is none.

    Source: training-data paper, eq. (3.11) and the remark on rank-deficient covariances after Corollary 3.5.
    """
    covariance = as_covariance(covariance)
    return covariance.trace / float(covariance.spectrum[covariance.spectrum > 0].min())


def gamma(covariance, n_context) -> np.ndarray:
    """The matrix whose inverse is the learned preconditioner: ``(1 + 1/n) Lambda + tr(Lambda)/n I``.

    Parameters
    ----------
    covariance : Covariance, (D, D) array or (D,) array
        Of the training task, rank-deficient allowed.
    n_context : int
        Examples in a training prompt, at least 1, or ``inf``.

    Returns
    -------
    (D, D) array
        Symmetric; positive definite unless `n_context` is infinite and the covariance rank-deficient.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, eq. (3.5).

    Examples
    --------
    >>> gamma([1.0, 0.5, 0.25], 8).diagonal().tolist()
    [1.34375, 0.78125, 0.5]
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    return covariance.with_eigenvalues(gamma_spectrum(covariance, n))


def preconditioner(covariance, n_context) -> np.ndarray:
    """``Gamma^-1``, by which the trained layer multiplies the gradient at every step of thought, (D, D).

    The pseudo-inverse where `gamma` is singular. Source: training-data paper, eqs. (3.6) and (3.8).
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    spectrum = gamma_spectrum(covariance, n)
    return covariance.with_eigenvalues(np.divide(1, spectrum, out=np.zeros_like(spectrum), where=spectrum > 0))


def optimal_block(covariance, n_context, *, scale: float = 1.0) -> np.ndarray:
    """The minimiser ``V_31 = -Gamma^-1 / c`` of `population_loss`, (D, D).

    Source: training-data paper, eq. (3.6); its appendix A.2 prints the other sign (erratum).
    """
    return -preconditioner(covariance, n_context) / scale_argument(scale)


def population_loss(block, covariance, n_context, *, scale: float = 1.0) -> float:
    """``E |w - w_1|^2 / 2`` over all training prompts, the total over coordinates, for any block ``V_31``.

    ``c^2/2 tr(V S V^T) + c tr(V Lambda) + D/2`` with ``S = E[(X X^T / n)^2] = Gamma Lambda``.

    Parameters
    ----------
    block : (D, D) array
        ``V_31``; the other blocks as in the paper's initialisation.
    covariance, n_context
        As in `gamma`.
    scale : float
        The constant ``c`` of the paper, finite and not 0.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, eq. (3.4) and appendix A.1.
    """
    covariance = as_covariance(covariance)
    return loss_of_moments(block, covariance.matrix, second_moment(covariance, n_context), scale)


def population_gradient(block, covariance, n_context, *, scale: float = 1.0) -> np.ndarray:
    """Gradient of `population_loss` with respect to the block, ``c^2 V S + c Lambda``, (D, D).

    Source: training-data paper, appendix A.1, which prints a symmetrised form (erratum); zero at the same block.
    """
    covariance = as_covariance(covariance)
    return gradient_of_moments(block, covariance.matrix, second_moment(covariance, n_context), scale)


def second_moment(covariance, n_context) -> np.ndarray:
    """``S = E[(X X^T / n)^2] = Gamma Lambda`` of a training prompt, symmetric, (D, D).

    Source: training-data paper, Lemma A.2 and appendix A.1.2, with ``(n - 1)/n`` in the last line (erratum: printed ``(n - 1)/n^2``).
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    return covariance.with_eigenvalues(gamma_spectrum(covariance, n) * covariance.spectrum)


# --- step sizes ---------------------------------------------------------------------------------------------------


def step_size(covariance, n_context, *, scale: float = 1.0) -> float:
    """A safe step size of gradient descent on `population_loss`: ``1 / (c^2 |Gamma Lambda|_op)``, half the limit.

    Source: proof of the training-data paper's theorem 3.1. The statement has `printed_step_size` (erratum).
    """
    return step_size_limit(covariance, n_context, scale=scale) / 2


def step_size_limit(covariance, n_context, *, scale: float = 1.0) -> float:
    """Gradient descent on `population_loss` converges if and only if its step size is below ``2 / (c^2 |Gamma Lambda|_op)``."""
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    curvature = np.max(gamma_spectrum(covariance, n) * covariance.spectrum)
    return float(2 / (scale_argument(scale) ** 2 * curvature))


def printed_step_size(covariance, n_context, *, scale: float = 1.0) -> float:
    """The step size ``1 / (c^2 |Gamma|_op)`` as printed: it diverges where ``|Lambda|_op > 2``.

    Source: training-data paper, statement of theorem 3.1 (erratum: see `step_size`).
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    return float(1 / (scale_argument(scale) ** 2 * gamma_spectrum(covariance, n).max()))


def free_attention_weight(covariance, n_context, *, scale: float = 1.0) -> float:
    """Where gradient flow takes ``|W_24|`` from ``-c`` if it is trained beside the block, started at 0.

    ``sqrt((c^2 + sqrt(c^4 + 4 |Gamma^-1|_F^2)) / 2) > |c|``, with ``Gamma^-1`` on the range of the covariance. The training
    loss sees only the product ``V_31 W_24``, and the flow conserves ``W_24^2 - |V_31|_F^2``; but steps of thought then converge
    to ``(|W_24| / c) w`` instead of ``w``. Derived for this project: the training-data paper's theorem 3.1 fixes ``W_24``, and
    calls that no restriction (erratum).
    """
    square = scale_argument(scale) ** 2
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    norm = np.linalg.norm(1 / gamma_spectrum(covariance, n)[covariance.spectrum > 0])  # the flow stays on seen directions
    return float(np.sqrt((square + np.sqrt(square**2 + 4 * norm**2)) / 2))


# --- in terms of moments of a training prompt ---------------------------------------------------------------------


def loss_of_moments(block, mean, second, scale) -> float:
    """``c^2/2 tr(V S V^T) + c tr(V M) + D/2`` for a mean ``M`` and second moment ``S`` of ``X X^T / n``, each (D, D)."""
    block, scale = matrix_argument("block", block, len(mean)), scale_argument(scale)
    return float(scale**2 / 2 * np.sum((block @ second) * block) + scale * np.sum(block * mean) + len(mean) / 2)


def gradient_of_moments(block, mean, second, scale) -> np.ndarray:
    """Gradient of `loss_of_moments` with respect to the block, (D, D)."""
    block, scale = matrix_argument("block", block, len(mean)), scale_argument(scale)
    return scale**2 * block @ second + scale * mean


# --- arguments ----------------------------------------------------------------------------------------------------


def context_argument(name: str, value) -> float:
    """A number of examples as a number: an integer of at least 1, or ``inf``; anything else is a ValueError."""
    count = value if isinstance(value, float) and value == np.inf else whole_number(value)
    if count is None or count < 1:
        raise ValueError(f"{name} = {value!r}: a number of examples is an integer of at least 1, or inf")
    return count


def matrix_argument(name: str, value, dim: int) -> np.ndarray:
    """A finite real matrix of shape (dim, dim); anything else is a ValueError."""
    matrix = np.asarray(value)
    if matrix.shape != (dim, dim) or matrix.dtype.kind not in "iuf":
        raise ValueError(f"{name} has shape {matrix.shape} and type {matrix.dtype}: must be a real matrix of shape ({dim}, {dim})")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} = {matrix[~np.isfinite(matrix)][0]}: entries must be finite")
    return matrix.astype(float)


def gamma_spectrum(covariance, n) -> np.ndarray:
    """Eigenvalues of `gamma`, (D,), in the order of the covariance's."""
    return (1 + 1 / n) * covariance.spectrum + covariance.trace / n
