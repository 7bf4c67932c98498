"""Exact means over Gaussian prompts of a few features, by quadrature: what the library's moment formulas are held against.

A mean of a polynomial of Gaussian and chi-squared variables is a finite sum over quadrature nodes, without sampling error. No
formula of the library is used here.
"""

from itertools import product

import numpy as np
from scipy.linalg import eigh_tridiagonal


def normals(count: int, points: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (N, count) and weights (N,) for independent standard normals; exact to degree ``2 points - 1`` in each."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    return _grid([nodes] * count, [weights / weights.sum()] * count)


def chi_squared(freedom: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (points,) for a chi-squared variable, exact to degree ``2 points - 1`` (Golub and Welsch 1969)."""
    order = np.arange(points)
    nodes, vectors = eigh_tridiagonal(2 * order + freedom / 2, np.sqrt(order[1:] * (order[1:] + freedom / 2 - 1)))
    return 2 * nodes, vectors[0] ** 2


def prompts(roots: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, D, n), task weights (N, D) and quadrature weights (N,), exact for the loss and its gradient.

    ``roots`` has, for each of the ``n`` examples, a (D, D) matrix ``R`` with ``R R^T`` the covariance of its features.
    """
    dim, n = len(roots[0]), len(roots)
    nodes, weights = normals(dim * (n + 1))
    drawn = nodes.reshape(-1, n + 1, dim)                                       # (N, n + 1, D)
    return np.stack([drawn[:, i] @ root.T for i, root in enumerate(roots)], axis=2), drawn[:, n], weights


def mixed_prompts(covariances, shares, n: int, *, mixture: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`prompts` of several tasks, of which each prompt ("prompt") or each example ("example") has one."""
    roots = [np.linalg.cholesky(covariance) for covariance in covariances]
    tasks = range(len(roots))
    drawn = [(task,) * n for task in tasks] if mixture == "prompt" else list(product(tasks, repeat=n))
    chances = [shares[task[0]] if mixture == "prompt" else np.prod([shares[i] for i in task]) for task in drawn]
    parts = [prompts([roots[i] for i in task]) for task in drawn]
    features, weights = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return features, weights, np.concatenate([chance * part[2] for chance, part in zip(chances, parts)])


def sample_covariances(covariance: np.ndarray, m: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Sample covariances (N, D, D) of ``m >= D`` examples, and weights (N,): exact for polynomials of them to this degree.

    By Bartlett's decomposition: ``m`` times the sample covariance of standard normals is ``L L^T`` with a triangular ``L`` of
    independent entries, roots of chi-squared variables on the diagonal and normals below.
    """
    dim = len(covariance)
    below = np.tril_indices(dim, -1)
    squares = [chi_squared(m - i, degree // 2 + 1) for i in range(dim)]
    single = np.polynomial.hermite_e.hermegauss(degree + 1)
    axes = [*squares, *[(single[0], single[1] / single[1].sum())] * len(below[0])]
    nodes, weights = _grid([axis[0] for axis in axes], [axis[1] for axis in axes])
    factors = np.zeros((len(nodes), dim, dim))
    factors[:, range(dim), range(dim)] = np.sqrt(nodes[:, :dim])
    factors[:, below[0], below[1]] = nodes[:, dim:]
    factors = np.linalg.cholesky(covariance) @ factors / np.sqrt(m)
    return factors @ factors.transpose(0, 2, 1), weights


def mean_errors(preconditioner: np.ndarray, covariance: np.ndarray, m: int, depth: int) -> np.ndarray:
    """``E |(I - P S)^k|_F^2`` for ``k = 0..depth`` over sample covariances ``S`` of ``m`` examples, (depth + 1,), totals."""
    samples, weights = sample_covariances(np.asarray(covariance), m, 2 * depth)
    propagators = np.eye(len(covariance)) - preconditioner @ samples            # (N, D, D)
    totals, power = [], np.broadcast_to(np.eye(len(covariance)), samples.shape)
    for _ in range(depth + 1):
        totals.append(weights @ np.sum(power**2, axis=(1, 2)))
        power = power @ propagators
    return np.array(totals)


def _grid(nodes, weights):
    """Products of one-dimensional rules: nodes (N, variables), weights (N,)."""
    grids = np.meshgrid(*nodes, indexing="ij")
    products = np.meshgrid(*weights, indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1), np.prod([grid.ravel() for grid in products], axis=0)
