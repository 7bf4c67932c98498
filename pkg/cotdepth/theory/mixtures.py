"""What gradient descent finds on prompts from several tasks (training-data paper, section 4.1).

The text of the paper's section 4 draws each prompt from one task (``mixture="prompt"``); its theorem 4.1 and Lemma A.4 draw
each example of a prompt from its own (``mixture="example"``). The two agree for one task only, and so there is no default.
"""

import numpy as np

from cotdepth.checks import mixture_argument
from cotdepth.covariance import mixture_arguments
from cotdepth.theory.population import context_argument, gradient_of_moments, loss_of_moments

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
    tasks, shares = mixture_arguments(covariances, probabilities, mixture)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return second @ pseudo_inverse(_mean(tasks, shares))


def mixture_preconditioner(covariances, probabilities, n_context, *, mixture: str) -> np.ndarray:
    """``Gamma^-1 = M S^-1`` of a layer trained on several tasks, (D, D), with the pseudo-inverse of a singular ``S``.

    Arguments as in `mixture_gamma`. ``-1/c`` times this minimises `mixture_loss`.
    """
    tasks, shares = mixture_arguments(covariances, probabilities, mixture)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return _mean(tasks, shares) @ pseudo_inverse(second)


def mixture_second_moment(covariances, probabilities, n_context, *, mixture: str) -> np.ndarray:
    """``S = E[(X X^T / n)^2]`` of a training prompt from several tasks, symmetric, (D, D). Arguments as in `mixture_gamma`.

    Source: training-data paper, Lemma A.4, for "example"; the mean of `population.second_moment` for "prompt".
    """
    tasks, shares = mixture_arguments(covariances, probabilities, mixture)
    square, own, trace = second_moment_weights(n_context, mixture)
    mean = _mean(tasks, shares)
    singly = (task.with_eigenvalues(own * task.spectrum**2 + trace * task.trace * task.spectrum) for task in tasks)
    return square * mean @ mean + _average(singly, shares)


def second_moment_weights(n_context, mixture: str) -> tuple[float, float, float]:
    """``(a, b, c)`` of ``S = a M^2 + b sum p Lambda^2 + c sum p tr(Lambda) Lambda``, with ``M = sum p Lambda``.

    Source: training-data paper, Lemma A.4, for "example"; derived for this project for "prompt".
    """
    n = context_argument("n_context", n_context)
    return (0.0, 1 + 1 / n, 1 / n) if mixture_argument(mixture) == "prompt" else (1 - 1 / n, 2 / n, 1 / n)


def pseudo_inverse(second) -> np.ndarray:
    """Inverse of a second moment, (D, D), on the directions that training saw."""
    return np.linalg.pinv(second, rcond=NULL, hermitian=True)


def mixture_loss(block, covariances, probabilities, n_context, *, mixture: str, scale: float = 1.0) -> float:
    """`population.population_loss` of several tasks, the total over coordinates. Source: training-data paper, appendix A.6."""
    tasks, shares = mixture_arguments(covariances, probabilities, mixture)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return loss_of_moments(block, _mean(tasks, shares), second, scale)


def mixture_gradient(block, covariances, probabilities, n_context, *, mixture: str, scale: float = 1.0) -> np.ndarray:
    """Gradient of `mixture_loss` with respect to the block, (D, D)."""
    tasks, shares = mixture_arguments(covariances, probabilities, mixture)
    second = mixture_second_moment(tasks, shares, n_context, mixture=mixture)
    return gradient_of_moments(block, _mean(tasks, shares), second, scale)


def _mean(tasks, shares):
    return _average((task.matrix for task in tasks), shares)


def _average(matrices, shares):
    return sum(share * matrix for share, matrix in zip(shares, matrices))
