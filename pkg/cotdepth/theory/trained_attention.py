"""What the theory of the simplified layer says of fully trained linear attention, isotropic and without noise.

From a random guess ``w_0`` of variance 1 a step moves ``e = w - w_0``, of variance 2, as it moves ``w`` from the guess 0: errors are
twice those of the theory. Training with one guess for each task has as many ``e`` as tasks, tau D. Guesses drawn afresh in every
minibatch are endlessly many ``e``: in the limit of large D training finds the population optimum, tau = infinity, whatever the number
of tasks. The penalty on all entries of the matrices acts as a ridge, derived for this project: the layer of update matrix ``A`` is
``V_31 = -A/c`` beside ``W_13 = c I``, ``W_24 = -c``, with the ``c`` that costs least, and so the least penalty is a function of ``|A|_F``.
"""

import numpy as np
import scipy  # loads scipy.optimize at its first use: it takes long
import xarray as xr

from cotdepth.theory import equivalents
from cotdepth.theory.row_filter import gauss_rule

N_NODES = 400  # of the spectrum of the fit
RIDGES = np.logspace(-12, 6, 500)  # where the ridge that the penalty amounts to is looked for


def effective_ridge(dim: int, n_context: int, task_ratio: float, *, l2: float, variance: float, parameterisation: str) -> float:
    """The ridge ``lam`` of the simplified layer that ``l2`` times the squares of all entries amounts to.

    Parameters
    ----------
    dim, n_context : int
    task_ratio : float
        tau = M / D, ``inf`` for fresh guesses.
    l2 : float
        Non-negative.
    variance : float
        Of the coordinates of ``w - w_0``: 2 for random guesses, 1 for the guess 0.
    parameterisation : {"merged", "separate"}
        The least penalty is ``2 sqrt(D+1) |A|_F``, or ``3 ((D+1) |A|_F)^{2/3}`` for ``W = K^T Q``.

    Returns
    -------
    float
        The smallest solution of ``lam = (l2/variance) P'(|A|_F) / |A|_F``, with ``|A|_F`` at that ridge.

    Raises
    ------
    ArithmeticError
        If there is none: the penalty is so large that training ends at 0.
    """
    if l2 == 0:
        return 0.0

    def excess(ridge):
        size = np.sqrt(dim * _mean_square(dim / n_context, task_ratio, ridge))
        slope = 2 * np.sqrt(dim + 1) if parameterisation == "merged" else 2 * (dim + 1) ** (2 / 3) * size ** (-1 / 3)
        return np.log(l2 / variance * slope / size / ridge)

    below = next((place for place, ridge in enumerate(RIDGES) if excess(ridge) < 0), 0)
    if not below:
        raise ArithmeticError(f"l2 = {l2}: so large that the trained layer is 0")
    return scipy.optimize.brentq(excess, RIDGES[below - 1], RIDGES[below], rtol=1e-12)


def _mean_square(inverse_alpha, task_ratio, ridge):
    """``|A|_F^2 / D`` of the fit with a ridge, in the limit of large D (asymptotic theory, closed system with ridge)."""
    c = 1 + inverse_alpha
    if np.isinf(task_ratio):
        return (c + ridge / 2) ** -2
    nodes, weights = gauss_rule(task_ratio, N_NODES)
    spectrum = np.maximum(1 + nodes / np.sqrt(task_ratio), 0)
    factor = spectrum / (spectrum + ridge / (2 * c)) ** 2                        # T^2 / s'
    return weights @ (factor * spectrum) / c**2 + (1 - 1 / c) / (c * task_ratio) * (weights @ factor)


def summarise_training(dim: int, n_tasks: int, n_context: list[int], guess: list[str], *, l2: float, parameterisation: str,
                       depth: int) -> xr.Dataset:
    """Error curves for each kind of guess and context length.

    Parameters
    ----------
    dim, n_tasks : int
    n_context : list of int
        In training and in test prompts.
    guess : list of {"fresh", "fixed", "zero"}
    l2, parameterisation
        As in `effective_ridge`.
    depth : int

    Returns
    -------
    xarray.Dataset
        ``error`` (guess, n_context, k) per dimension, 2 at k = 0 for random guesses, by `cotdepth.theory.equivalents` at this
        dimension; ``task_ratio`` (guess) and ``ridge`` (guess, n_context), at which it was evaluated.

    Notes
    -----
    Asymptotic paper, Result 4 and its system with ridge; that fresh guesses amount to tau = infinity, and the ridge, derived for this
    project.
    """
    variance = {"fresh": 2.0, "fixed": 2.0, "zero": 1.0}
    ratios = [np.inf if kind == "fresh" else n_tasks / dim for kind in guess]
    options = {"l2": l2, "parameterisation": parameterisation}
    ridges = [[effective_ridge(dim, length, ratio, variance=variance[kind], **options) for length in n_context]
              for kind, ratio in zip(guess, ratios)]
    curves = [[variance[kind] * _curve(dim, length, ratio, ridge, depth) for length, ridge in zip(n_context, row)]
              for kind, ratio, row in zip(guess, ratios, ridges)]
    return _labelled(curves, ratios, ridges, guess, n_context)


def _curve(dim, n_context, task_ratio, ridge, depth):
    contexts = {"train_context": n_context, "test_context": n_context}
    n_tasks = task_ratio if np.isinf(task_ratio) else round(task_ratio * dim)
    return equivalents.error_curve(np.ones(dim), np.ones(dim), n_tasks=n_tasks, ridge=ridge, depth=depth, **contexts).values


def _labelled(curves, ratios, ridges, guess, n_context):
    found = {
        "error": (("guess", "n_context", "k"), np.array(curves), "predicted mean error |w - w_k|^2 / D"),
        "task_ratio": (("guess",), np.array(ratios), "task ratio tau of the theory"),
        "ridge": (("guess", "n_context"), np.array(ridges), "ridge lam that the penalty on all entries amounts to"),
    }
    return xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()},
        coords={
            "guess": ("guess", guess, {"long_name": "first guesses in training", "units": "1"}),
            "n_context": ("n_context", n_context, {"long_name": "examples in a prompt", "units": "examples"}),
            "k": ("k", np.arange(np.shape(curves)[-1]), {"long_name": "chain-of-thought depth", "units": "steps"}),
        },
        attrs={"title": "Theory of fully trained linear attention", "source": "asymptotic paper, Result 4 and section 3; derived"},
    )
