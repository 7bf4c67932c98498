r"""The ridgeless error curve in float64: a compiled row-by-row recursion over Gauss nodes.

The coefficients of ``F(x, y) = P / (1 - beta x y Q)`` (asymptotic paper, Result 4) are covariances: on a spectral node
``s`` of the test prompt's Gram matrix, ``u_{i+1} = z u_i + (s/c) xi_i`` with ``u_0 = 1``, ``z = 1 - s/c`` and a common noise
of covariance ``beta F_ij``, and ``F_ij`` is the average of ``cov(u_i, u_j)`` over nodes (derived for this project: expand
the denominator in powers of ``beta``; each factor ``x y Q`` inserts one noise at every node). Nothing here cancels, so
plain float64 keeps 12 digits where the rational form of ``F`` needs hundreds.
"""

from functools import lru_cache

import numpy as np
from numba import njit
from scipy.linalg import eigh_tridiagonal

LARGEST_DEPTH = 2000  # the table of F_ij takes 8 (depth + 1)^2 bytes, 32 MB here


def log_errors(alpha, prompt_variance, beta, growth_rate, depth: int, step_size=1.0) -> np.ndarray:
    """Logarithms of the errors ``E_0 .. E_depth``; the array arguments broadcast.

    Parameters
    ----------
    alpha
        Context ratio.
    prompt_variance
        ``c - 1 = (1 + sigma^2)/alpha``, passed rather than ``c`` because the difference would cancel at large `alpha`.
    beta
        Strength of the noise in the fitted matrix, ``(c - 1)/(tau - 1)``.
    growth_rate
        Limit of ``log(E_k)/k``. Dividing it out keeps every number of the recursion in range at any depth.
    depth
        From 0 to `LARGEST_DEPTH`.
    step_size
        Factor ``eta`` on every step; ``s/c`` reads ``eta s/c`` throughout.

    Returns
    -------
    np.ndarray
        Shape of the broadcast arguments and a last axis of length ``depth + 1``.
    """
    points = np.broadcast_arrays(alpha, prompt_variance, beta, growth_rate, step_size)
    curves = np.empty((points[0].size, depth + 1))
    for curve, *point in zip(curves, *map(np.ravel, points)):
        curve[:] = _log_error_curve(*map(float, point), depth)
    return curves.reshape(*points[0].shape, depth + 1)


@lru_cache(maxsize=1024)  # a grid has few distinct alpha, and a rule is 16 bytes a node
def gauss_rule(alpha: float, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes and weights of the Marchenko-Pastur law of ratio ``1/alpha``, atom at 0 included.

    The nodes are given as ``sqrt(alpha) (s - 1)``, which stays of order one at large `alpha`; in this variable the Jacobi
    matrix has diagonal ``(0, 1/sqrt(alpha), 1/sqrt(alpha), ...)`` and ones beside it. Exact for polynomials of degree
    ``2 n_nodes - 1``.
    """
    diagonal = np.full(n_nodes, 1 / np.sqrt(alpha))
    diagonal[0] = 0
    # stemr works without threads, so its digits do not depend on the number of cores; and in O(n_nodes^2)
    nodes, vectors = eigh_tridiagonal(diagonal, np.ones(n_nodes - 1), lapack_driver="stemr")
    return nodes, vectors[0] ** 2


def _n_nodes(depth):
    """Exact for small depth; beyond, powers ``z^depth`` are resolved by Chebyshev-spaced nodes of order sqrt(depth)."""
    return min(depth + 3, int(6 * np.sqrt(depth)) + 30)


def _log_error_curve(alpha, prompt_variance, beta, growth_rate, step_size, depth):
    nodes, weights = gauss_rule(alpha, _n_nodes(depth))
    c = 1 + prompt_variance
    z = (1 - step_size + prompt_variance - step_size * nodes / np.sqrt(alpha)) / c
    step = step_size * (1 + nodes / np.sqrt(alpha)) / c  # eta s/c
    radius = np.exp(-growth_rate / 2)
    scaled = _diagonal(radius * z, radius * step, weights, beta, depth)
    scaled[0] = 1  # E_0 without the rounding of the sum of weights
    return np.log(scaled) + growth_rate * np.arange(depth + 1)


# reassoc lets the sum over nodes use vector registers; NaN and infinity keep their meaning
@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def _diagonal(z, step, weights, beta, depth):
    """Diagonal of the table ``F_ij``, filled row by row; `z` and `step` carry the radius, so ``F_ij`` is scaled."""
    table = np.empty((depth + 1, depth + 1))
    covariance = np.empty((depth + 1, len(z)))  # cov(u_i, u_j) of the current row i, per node
    covariance[0] = 1
    for j in range(depth):
        covariance[j + 1] = z * covariance[j]
    for j in range(depth + 1):
        table[0, j] = table[j, 0] = (weights * covariance[j]).sum()
    for i in range(depth):
        _next_row(i, z, step, weights, beta, covariance, table)
    return np.diag(table).copy()


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def _next_row(i, z, step, weights, beta, covariance, table):
    noise = np.zeros(len(z))  # cov(xi_i, u_j)
    for j in range(len(table)):
        if j > i:
            total = 0.0
            for node in range(len(z)):
                covariance[j, node] = z[node] * covariance[j, node] + step[node] * noise[node]
                total += weights[node] * covariance[j, node]
            table[i + 1, j] = table[j, i + 1] = total
        drive = beta * table[i, j]
        for node in range(len(z)):
            noise[node] = z[node] * noise[node] + step[node] * drive
