"""What the theory of the simplified layer says of linear attention trained from random guesses, isotropic and without noise.

From a random guess ``w_0`` of variance 1 a step moves ``e = w - w_0``, of variance 2, as it moves ``w`` from the guess 0: errors are
twice those of the theory at an effective task ratio. Two things differ from the theory's training, both derived for this project:

- Guesses drawn afresh in every minibatch average over ``w_0``, but each task keeps its ``w``: ``E e e^T = I + w w^T``. With ``s'`` of
  the Marchenko-Pastur law of ratio 1/tau, ``c = 1 + (D+1)/n`` and ``b = S w``, the fit is ``A = I/c + N (c (1 + s'))^-1`` with the noise
  ``N = sum (w - b/c) b^T / M``, so that it errs as the ridgeless fit does at ``tau_eff = 1 + tau / <s' / (1 + s')^2>``.
- The penalty on all entries of the matrices acts as a ridge where a guess is fixed for each task. The layer of update matrix ``A`` is
  ``V_31 = -A/c`` beside ``W_13 = c I``, ``W_24 = -c`` with the ``c`` that costs least, so the least penalty is a function of ``|A|_F``.

This is the simplified layer. The full one has some 2 D^2 trained entries: it comes near only where tasks times D are many more.
"""

import numpy as np
import scipy  # loads scipy.optimize at its first use: it takes long
import xarray as xr

from cotdepth.theory import equivalents
from cotdepth.theory.row_filter import gauss_rule

VARIANCE = 2.0   # of the coordinates of w - w_0
N_NODES = 400    # of the spectrum of the fit
ZERO = 1e-12     # an eigenvalue below is one of the atom at 0
SEARCHED = np.logspace(-6, 8, 400)   # in units of l2, where the ridge that it amounts to is looked for


def effective_task_ratio(task_ratio: float) -> float:
    """The task ratio at which the ridgeless theory has the errors of training with fresh guesses on ``tau D`` tasks; at least 5.8.

    It grows like tau where tasks are many, and has its minimum near tau = 0.5: with fewer tasks, their ``w w^T`` matters less.
    """
    spectrum, weights = _spectrum(task_ratio)
    return 1 + task_ratio / (weights @ (spectrum / (1 + spectrum) ** 2))


def effective_ridge(dim: int, n_context: int, task_ratio: float, *, l2: float, parameterisation: str) -> float:
    """The ridge ``lam`` of the simplified layer that ``l2`` times the squares of all entries amounts to, guesses fixed.

    Parameters
    ----------
    dim, n_context : int
    task_ratio : float
        tau = M / D.
    l2 : float
        Non-negative.
    parameterisation : {"merged", "separate"}
        The least penalty is ``2 sqrt(D+1) |A|_F``, or ``3 ((D+1) |A|_F)^{2/3}`` for ``W = K^T Q``.

    Returns
    -------
    float
        The smallest solution of ``lam = (l2/2) P'(|A|_F) / |A|_F``, with ``|A|_F`` at that ridge; NaN if there is none, where the
        penalty is so large that training ends at 0.
    """
    if l2 == 0:
        return 0.0

    def excess(ridge):
        size = np.sqrt(dim * _mean_square(1 + (dim + 1) / n_context, task_ratio, ridge))
        slope = 2 * np.sqrt(dim + 1) if parameterisation == "merged" else 2 * (dim + 1) ** (2 / 3) * size ** (-1 / 3)
        return np.log(l2 / VARIANCE * slope / size / ridge)

    [above] = np.nonzero([excess(l2 * factor) < 0 for factor in SEARCHED])
    if len(above) == 0 or above[0] == 0:
        return np.nan
    return scipy.optimize.brentq(excess, *l2 * SEARCHED[above[0] - 1 : above[0] + 1], rtol=1e-12)


def _mean_square(c, task_ratio, ridge):
    """``|A|_F^2 / D`` of the fit with a ridge, in the limit of large D (asymptotic theory, closed system with ridge)."""
    spectrum, weights = _spectrum(task_ratio)
    factor = spectrum / (spectrum + ridge / (2 * c)) ** 2                        # T^2 / s'
    return weights @ (factor * spectrum) / c**2 + (1 - 1 / c) / (c * task_ratio) * (weights @ factor)


def _spectrum(task_ratio):
    """Nodes of ``s'``, Marchenko-Pastur of ratio 1/tau, and their weights."""
    nodes, weights = gauss_rule(task_ratio, N_NODES)
    spectrum = 1 + nodes / np.sqrt(task_ratio)
    return np.where(spectrum < ZERO, 0.0, spectrum), weights


def summarise_training(dim: int, n_tasks: int, n_context: list[int], guess: list[str], *, l2: float, parameterisation: str,
                       depth: int) -> xr.Dataset:
    """Error curves for each kind of guess and context length.

    Parameters
    ----------
    dim, n_tasks : int
    n_context : list of int
        In training and in test prompts.
    guess : list of {"fresh", "fixed"}
    l2, parameterisation
        As in `effective_ridge`. For fresh guesses the penalty is left out: it changes ``A`` by some parts of l2.
    depth : int

    Returns
    -------
    xarray.Dataset
        ``error`` (guess, n_context, k) per dimension, 2 at k = 0, by `cotdepth.theory.equivalents` at this dimension, NaN where it
        has none (without penalty and with as few tasks as dimensions, or with a penalty that leaves nothing); ``task_ratio`` (guess)
        and ``ridge`` (guess, n_context), at which it was evaluated. Means at finite D lie above it, at D = 16 and n = 32 by 4% after one
        step and 20% after four.

    Notes
    -----
    Asymptotic paper, Result 4 and its system with ridge; the effective ratio and ridge derived for this project.
    """
    ratios = [effective_task_ratio(n_tasks / dim) if kind == "fresh" else n_tasks / dim for kind in guess]
    ridges = [[0.0 if kind == "fresh" else effective_ridge(dim, length, ratio, l2=l2, parameterisation=parameterisation)
               for length in n_context] for kind, ratio in zip(guess, ratios)]
    counts = [round(dim * ratio) + (kind == "fresh") for kind, ratio in zip(guess, ratios)]   # the fit errs by D / (M - D - 1)
    curves = [[VARIANCE * _curve(dim, length, count, ridge, depth) for length, ridge in zip(n_context, row)]
              for count, row in zip(counts, ridges)]
    return _labelled(curves, ratios, ridges, guess, n_context, n_tasks)


def _curve(dim, n_context, n_tasks, ridge, depth):
    if np.isnan(ridge) or ridge == 0 and n_tasks <= dim:
        return np.full(depth + 1, np.nan)
    contexts = {"train_context": n_context, "test_context": n_context}
    return equivalents.error_curve(np.ones(dim), np.ones(dim), n_tasks=n_tasks, ridge=ridge, depth=depth, **contexts).values


def _labelled(curves, ratios, ridges, guess, n_context, n_tasks):
    found = {
        "error": (("guess", "n_context", "k"), np.array(curves), "predicted mean error |w - w_k|^2 / D of the simplified layer"),
        "task_ratio": (("guess",), np.array(ratios), "effective task ratio tau of the theory"),
        "ridge": (("guess", "n_context"), np.array(ridges), "ridge lam that the penalty on all entries amounts to"),
    }
    return xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()},
        coords={
            "guess": ("guess", guess, {"long_name": "first guesses in training", "units": "1"}),
            "n_context": ("n_context", n_context, {"long_name": "examples in a prompt", "units": "examples"}),
            "n_tasks": ((), n_tasks, {"long_name": "prompts in each pool, each with its own task", "units": "prompts"}),
            "model": ((), "linear", {"long_name": "attention", "units": "1"}),
            "k": ("k", np.arange(np.shape(curves)[-1]), {"long_name": "chain-of-thought depth", "units": "steps"}),
        },
        attrs={"title": "Theory of the simplified layer at the regime of trained attention",
               "source": "asymptotic paper, Result 4 and section 3; effective ratio and ridge derived"},
    )  # fmt: skip
