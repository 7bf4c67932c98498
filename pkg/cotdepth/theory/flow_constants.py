"""Sufficient starts and guaranteed rates of gradient flow, as the gradient-flow paper proves them.

All are valid, and loose: the flow reaches the same limit from starts many times larger, and faster by orders of magnitude
(`cotdepth.theory.flow_dynamics.convergence_rate` is exact in the end). ``Theta`` is rescaled to ``|Theta Theta^T|_F = 1``.
"""

from typing import NamedTuple

import numpy as np

from cotdepth.checks import positive_argument
from cotdepth.covariance import as_covariance
from cotdepth.theory.flow_dynamics import theta_square
from cotdepth.theory.flow_landscape import random_landscape
from cotdepth.theory.flow_laws import diagonal_moments, mean_norm_product
from cotdepth.theory.population import context_argument, gamma_spectrum


class _Ingredients(NamedTuple):
    """What the constants are made of: those of random covariances are those of a fixed one, in the mean."""

    dim: int
    pulled: float  # |Lambda Theta|_F^2, or that of E Lambda
    resisted: float  # factor of sigma^2 sqrt(D) in the loss of the start
    largest: float  # |Lambda|_op^2, or |E Lambda^2|_op


# --- one covariance -----------------------------------------------------------------------------------------------


def scale_limit(covariance, n_context) -> float:
    """Largest scale of the paper's start for which its proof holds: ``sigma^2 < 2 / (sqrt(D) |Gamma|_op)``.

    Arguments as in `cotdepth.theory.flow_landscape.fixed_landscape`. Source: gradient-flow paper, theorem 4.1.
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    return float(np.sqrt(2 / (np.sqrt(covariance.dim) * gamma_spectrum(covariance, n).max())))


def value_bound(theta, covariance, n_context, *, scale: float) -> float:
    """Lower bound on ``u`` along the whole flow from `balanced_start`, which keeps it off the saddle at 0.

    Parameters
    ----------
    theta, scale
        As in `cotdepth.theory.flow_dynamics.balanced_start`, with a scale below `scale_limit`.
    covariance, n_context
        As in `scale_limit`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, eq. (A.14).
    """
    return _value_bound(_fixed(theta, covariance, n_context), scale)


def loss_rate_bound(theta, covariance, n_context, *, scale: float) -> float:
    """The paper's ``mu``: the squared gradient is at least ``mu`` times the excess loss, which falls at least as ``exp(-mu t)``.

    Arguments as in `value_bound`; the covariance has full rank, else ValueError. Source: gradient-flow paper, eqs. (5.7) and (5.8).
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    if covariance.rank < covariance.dim:
        raise ValueError(f"covariance has rank {covariance.rank}: the bound needs full rank ({covariance.dim})")
    spectrum = covariance.spectrum
    inverses = np.sum(1 / (gamma_spectrum(covariance, n) * spectrum)) * np.sum(1 / spectrum)
    return 2 * _value_bound(_fixed(theta, covariance, n), scale) ** 2 / float(inverses)


def _fixed(theta, covariance, n_context):
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    pulled = np.trace(covariance.with_eigenvalues(covariance.spectrum**2) @ _square_of(theta, covariance.dim))
    return _Ingredients(covariance.dim, float(pulled), float(pulled * gamma_spectrum(covariance, n).max()), covariance.spectrum.max() ** 2)


# --- random covariances -------------------------------------------------------------------------------------------


def random_scale_limit(theta, laws, n_context) -> float:
    """`scale_limit` for covariances with independent diagonal entries: ``sigma^2 < 2 |E Lambda Theta|^2 / (sqrt(D) E |Gamma| |Lambda|^2)``.

    Parameters
    ----------
    theta
        As in `cotdepth.theory.flow_dynamics.balanced_start`.
    laws : sequence of D laws
        As in `cotdepth.theory.flow_laws.diagonal_moments`.
    n_context : int
        Examples in a training prompt, at least 1, or ``inf``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, eq. (4.10); ``|Gamma|`` is the operator norm, the others Frobenius norms.
    """
    found = _random(theta, laws, n_context)
    return float(np.sqrt(2 * found.pulled / (np.sqrt(found.dim) * found.resisted)))


def random_value_bound(theta, laws, n_context, *, scale: float) -> float:
    """`value_bound` for random covariances, with a scale below `random_scale_limit`.

    Source: gradient-flow paper, proof of Lemma C.7; the statement, eq. (C.12), has ``|E Lambda Theta|_F^2`` in place of
    ``|E Lambda^2|_op`` in its denominator (erratum).
    """
    return _value_bound(_random(theta, laws, n_context), scale)


def random_loss_rate_bound(theta, laws, n_context, *, scale: float) -> float:
    """`loss_rate_bound` for random covariances, the paper's ``nu``. Its proof gives twice as much, as for a fixed covariance.

    Source: gradient-flow paper, eqs. (C.13) and (C.14).
    """
    least = random_landscape(diagonal_moments(laws), n_context).curvature.min()
    return float(least) * random_value_bound(theta, laws, n_context, scale=scale) ** 2


def _random(theta, laws, n_context):
    moments, n = diagonal_moments(laws), context_argument("n_context", n_context)
    pulled = np.sum(moments[:, 0] ** 2 * np.diag(_square_of(theta, len(moments))))
    return _Ingredients(len(moments), float(pulled), mean_norm_product(laws, n), float(moments[:, 1].max()))


# --- both ---------------------------------------------------------------------------------------------------------


def _value_bound(found, scale):
    """``u^2 >= sigma^2 (2 pulled - sqrt(D) sigma^2 resisted) / (2 sqrt(D) largest)``."""
    scale, root = positive_argument("scale", scale), np.sqrt(found.dim)
    margin = 2 * found.pulled - root * scale**2 * found.resisted
    if not margin > 0:
        largest = np.sqrt(2 * found.pulled / (root * found.resisted)) if found.resisted else 0.0
        raise ValueError(f"scale = {scale:g}: the bound needs a start below {largest:.6g} that the features reach")
    return float(np.sqrt(scale**2 * margin / (2 * root * found.largest)))


def _square_of(theta, dim):
    square = theta_square(theta)
    if len(square) != dim:
        raise ValueError(f"theta has {len(square)} rows: must be ({dim}, {dim})")
    return square
