"""What gradient descent finds on prompts from several tasks (training-data paper, section 4.1).

The text of the paper's section 4 draws each prompt from one task (``mixture="prompt"``); its theorem 4.1 and Lemma A.4 draw
each example of a prompt from its own (``mixture="example"``). The two agree for one task only, and so there is no default.
"""

import numpy as np

from cotdepth.covariance import Covariance, as_covariance
from cotdepth.theory.population import context_argument, gradient_of_moments, loss_of_moments, second_moment

SIMPLEX = 1e-9  # what probabilities may miss 1 by
NULL = 1e-12  # relative: eigenvalues of a mixture below this are 0


def mixture_gamma(covariances, probabilities, n_context, *, mixture: str) -> np.ndarray:
    """``Gamma = S M^-1`` of a layer trained on several tasks, with ``M`` their mean covariance, (D, D).

    Parameters
    ----------
    covariances : sequence of T covariances
        Each a Covariance, a (D, D) array or a (D,) array; spectra given as arrays share the common basis.
    probabilities : (T,) array
        Non-negative, with sum 1.
    n_context : int
        Examples in a training prompt, at least 1, or ``inf``.
    mixture : {"prompt", "example"}
        What is drawn from one task, a prompt or an example. As `n_context` grows, ``Gamma`` tends to ``M`` for "example" and
        to ``(sum of p Lambda^2) M^-1`` for "prompt".

    Returns
    -------
    (D, D) array
        Not symmetric unless the tasks commute. If ``M`` is singular, its pseudo-inverse is used, and ``Gamma`` is
        defined on the range of ``M``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, eq. (4.1), for "example"; for "prompt" derived for this project, because (4.1) is not the optimum
    of what its text describes (erratum).
    """
    tasks, shares = _mixture(covariances, probabilities)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return second @ np.linalg.pinv(_mean(tasks, shares), rcond=NULL, hermitian=True)


def mixture_preconditioner(covariances, probabilities, n_context, *, mixture: str) -> np.ndarray:
    """``Gamma^-1 = M S^-1`` of a layer trained on several tasks, (D, D), with the pseudo-inverse of a singular ``S``.

    Arguments as in `mixture_gamma`. ``-1/c`` times this minimises `mixture_loss`.
    """
    tasks, shares = _mixture(covariances, probabilities)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return _mean(tasks, shares) @ np.linalg.pinv(second, rcond=NULL, hermitian=True)


def mixture_second_moment(covariances, probabilities, n_context, *, mixture: str) -> np.ndarray:
    """``S = E[(X X^T / n)^2]`` of a training prompt from several tasks, symmetric, (D, D). Arguments as in `mixture_gamma`.

    Source: training-data paper, Lemma A.4, for "example"; the mean of `population.second_moment` for "prompt".
    """
    tasks, shares = _mixture(covariances, probabilities)
    n = context_argument("n_context", n_context)
    if mixture == "prompt":
        return _average((second_moment(task, n) for task in tasks), shares)
    if mixture != "example":
        raise ValueError(f"mixture = {mixture!r}: must be 'prompt' or 'example'")
    mean = _mean(tasks, shares)
    own = (task.with_eigenvalues(2 * task.spectrum**2 + task.trace * task.spectrum) for task in tasks)
    return (1 - 1 / n) * mean @ mean + _average(own, shares) / n


def mixture_loss(block, covariances, probabilities, n_context, *, mixture: str, scale: float = 1.0) -> float:
    """`population.population_loss` of several tasks, the total over coordinates. Source: training-data paper, appendix A.6."""
    tasks, shares = _mixture(covariances, probabilities)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return loss_of_moments(block, _mean(tasks, shares), second, scale)


def mixture_gradient(block, covariances, probabilities, n_context, *, mixture: str, scale: float = 1.0) -> np.ndarray:
    """Gradient of `mixture_loss` with respect to the block, (D, D)."""
    tasks, shares = _mixture(covariances, probabilities)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return gradient_of_moments(block, _mean(tasks, shares), second, scale)


def _mixture(covariances, probabilities) -> tuple[list[Covariance], np.ndarray]:
    tasks = [as_covariance(task, name=f"covariances[{i}]") for i, task in enumerate(covariances)]
    shares = np.asarray(probabilities)
    if not tasks or shares.shape != (len(tasks),) or shares.dtype.kind not in "iuf":
        raise ValueError(f"probabilities = {probabilities!r}: must be {len(tasks)} numbers, one for each of the covariances")
    if not (shares >= 0).all() or abs(shares.sum() - 1) > SIMPLEX:
        raise ValueError(f"probabilities = {shares.tolist()}: must be non-negative with sum 1")
    for i, task in enumerate(tasks):
        if task.dim != tasks[0].dim:
            raise ValueError(f"covariances[{i}] has {task.dim} features, covariances[0] {tasks[0].dim}: must be equal")
    return tasks, shares


def _mean(tasks, shares):
    return _average((task.matrix for task in tasks), shares)


def _average(matrices, shares):
    return sum(share * matrix for share, matrix in zip(shares, matrices))
