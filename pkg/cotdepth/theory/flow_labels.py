"""What labels say about features: the moments that prediction errors depend on (gradient-flow paper, theorem 4.2).

Labels may be any function of the features, with or without noise. All that counts is the best linear predictor ``a``, the
covariance of ``x y``, and what the best linear predictor leaves over. Linear, quadratic, cubic and ReLU labels have closed
forms; `function_labels` integrates any function of a few projections of the features.
"""

from typing import NamedTuple

import numpy as np
from scipy.integrate import quad_vec

from cotdepth.checks import count_argument
from cotdepth.covariance import as_covariance
from cotdepth.theory.finite_arguments import weights_argument
from cotdepth.theory.population import matrix_argument

FARTHEST = 14.0  # standard deviations up to which quadrature over one projection goes: beyond, a mass of 1e-44
CLOSE = 1e-8  # relative error of quadrature over one projection that is accepted


class Labels(NamedTuple):
    """Moments of the examples ``(x, y)`` of a prompt with ``x ~ N(0, Lambda)``."""

    features: np.ndarray  # (D, D), Lambda
    weights: np.ndarray  # (D,), a = Lambda^-1 E[x y], the best linear predictor
    spread: np.ndarray  # (D, D), the covariance of x y
    residual: float  # E (y - a.x)^2

    @property
    def query(self) -> "Query":
        """A query of the same law, independent of the examples."""
        return Query(self.features, self.weights, self.residual)


class Query(NamedTuple):
    """Moments of a query ``(x, y)``, independent of the examples, whose features may follow any law."""

    features: np.ndarray  # (D, D), the second moment E[x x^T]
    weights: np.ndarray  # (D,), the best linear predictor of y
    residual: float  # its mean squared error


def linear_labels(weights, covariance, *, label_noise: float = 0.0) -> Labels:
    """Labels ``y = w.x + noise``.

    Parameters
    ----------
    weights : (D,) array
    covariance : Covariance, (D, D) array or (D,) array
        Of the features of the prompt.
    label_noise : float
        Standard deviation of independent noise, absolute; its law does not matter.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, after theorem 4.2: covariance of ``x y`` is ``(w^T Lambda w + s^2) Lambda + Lambda w w^T Lambda``.
    """
    return _of_projection(weights, covariance, label_noise, slope=1, flat=lambda q: q, aligned=1, residual=lambda q: 0)


def quadratic_labels(weights, covariance, *, label_noise: float = 0.0) -> Labels:
    """Labels ``y = (w.x)^2 + noise``, of which no linear predictor says anything. Arguments as in `linear_labels`."""
    return _of_projection(weights, covariance, label_noise, slope=0, flat=lambda q: 3 * q**2, aligned=lambda q: 12 * q,
                          residual=lambda q: 3 * q**2)


def cubic_labels(weights, covariance, *, label_noise: float = 0.0) -> Labels:
    """Labels ``y = (w.x)^3 + noise``. Arguments as in `linear_labels`."""
    return _of_projection(weights, covariance, label_noise, slope=lambda q: 3 * q, flat=lambda q: 15 * q**3,
                          aligned=lambda q: 81 * q**2, residual=lambda q: 6 * q**3)


def relu_labels(weights, covariance, *, label_noise: float = 0.0) -> Labels:
    """Labels ``y = max(w.x, 0) + noise``. Arguments as in `linear_labels`."""
    return _of_projection(weights, covariance, label_noise, slope=1 / 2, flat=lambda q: q / 2, aligned=3 / 4, residual=lambda q: q / 4)


def function_labels(function, directions, covariance, *, label_noise: float = 0.0, points: int = 40, kinks=()) -> Labels:
    """Labels ``y = function(B x) + noise`` for a function of one or a few projections of the features.

    Parameters
    ----------
    function : callable
        From an array of projections (n, r) to labels (n,); with one direction (n, 1) will do, so ``np.sin`` is one.
    directions : (r, D) or (D,) array
        ``B``, rows linearly independent on the range of the covariance; one direction is one row. The identity for a function
        of all features.
    covariance, label_noise
        As in `linear_labels`.
    points : int
        With several directions, nodes of a Gauss-Hermite rule for each: exact for polynomials of degree up to ``points - 2``,
        slow to converge for functions with kinks, and ``points^r`` evaluations. One direction is integrated adaptively.
    kinks : sequence of float
        With one direction, projections other than 0 where the function is not smooth, so that quadrature stops there.

    Raises
    ------
    ValueError
        If an argument is out of range, or the function returns another shape or values that are not finite.
    ArithmeticError
        If quadrature over one direction does not come to eight digits.

    Notes
    -----
    Derived for this project: the rest of the features is normal and independent of the projections.

    Examples
    --------
    >>> round(function_labels(np.cos, [1.0, 0.0], np.ones(2)).residual, 6)   # (1 + e^-2) / 2: the best linear predictor is 0
    0.567668
    """
    covariance = as_covariance(covariance)
    directions = _directions_argument(directions, covariance.dim)
    within = directions @ covariance.matrix @ directions.T
    if not np.linalg.eigvalsh(within)[0] > 1e-12 * np.trace(within):
        raise ValueError("directions: rows must be linearly independent on the range of the covariance")
    moments = _projected_moments(function, np.linalg.cholesky(within), count_argument("points", points), kinks)
    return _lifted(moments, directions, within, covariance, label_noise)


def linear_query(second_moment, weights, *, label_noise: float = 0.0) -> Query:
    """A query with ``y = w.x + noise`` whose features have a second moment of their own, of any law: a query shift.

    `second_moment` is as the covariance in `linear_labels`, the others too. Raises ValueError if an argument is out of range.
    """
    features = as_covariance(second_moment, name="second_moment")
    return Query(features.matrix, weights_argument(weights, features.dim), noise_argument(label_noise) ** 2)


def noise_argument(value) -> float:
    """A standard deviation of label noise; anything but a non-negative finite number is a ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < np.inf:
        raise ValueError(f"label_noise = {value!r}: must be a non-negative finite standard deviation")
    return float(value)


# --- functions of one projection, in closed form ------------------------------------------------------------------


def _of_projection(weights, covariance, label_noise, *, slope, flat, aligned, residual):
    """Labels with ``a = slope w``, covariance ``flat Lambda + aligned Lambda w w^T Lambda`` of ``x y``, functions of ``w^T Lambda w``."""
    covariance, variance = as_covariance(covariance), noise_argument(label_noise) ** 2
    w = weights_argument(weights, covariance.dim)
    carried = covariance.matrix @ w
    slope, flat, aligned, residual = (each(w @ carried) if callable(each) else each for each in (slope, flat, aligned, residual))
    spread = (flat + variance) * covariance.matrix + aligned * np.outer(carried, carried)
    return Labels(covariance.matrix, slope * w, spread, float(residual + variance))


# --- functions of projections, by quadrature ----------------------------------------------------------------------


class _Moments(NamedTuple):
    """Moments of a label ``y`` and its projections ``z`` (r,), without noise."""

    square: float  # E y^2
    first: np.ndarray  # (r,), E[z y]
    second: np.ndarray  # (r, r), E[z z^T y^2]


def _projected_moments(function, root, points, kinks):
    """Moments under ``z = root eps`` with standard normal ``eps``."""
    if len(root) == 1:
        return _moments_of_one(function, root[0, 0], kinks)
    nodes, masses = np.polynomial.hermite_e.hermegauss(points)
    grid = np.stack(np.meshgrid(*[nodes] * len(root), indexing="ij"), axis=-1).reshape(-1, len(root)) @ root.T  # (points^r, r)
    mass = np.stack(np.meshgrid(*[masses / masses.sum()] * len(root), indexing="ij"), axis=-1).reshape(-1, len(root)).prod(axis=1)
    y = _values(function, grid)
    return _Moments(float(mass @ y**2), (mass * y) @ grid, (grid.T * (mass * y**2)) @ grid)


def _moments_of_one(function, deviation, kinks):
    """Adaptive quadrature over one projection."""
    def integrand(eps):
        y = _values(function, np.array([[eps * deviation]]))[0]
        return np.exp(-(eps**2) / 2) / np.sqrt(2 * np.pi) * np.array([y**2, eps * y, (eps * y) ** 2])

    breaks = [float(kink) / deviation for kink in kinks if abs(kink) < FARTHEST * deviation]
    found, error = quad_vec(integrand, -FARTHEST, FARTHEST, epsabs=np.finfo(float).tiny, epsrel=1e-11, points=sorted({0.0, *breaks}),
                            limit=2000)
    if error > CLOSE * np.linalg.norm(found):
        raise ArithmeticError(f"function: quadrature is off by {error:.2g} in moments of size {np.linalg.norm(found):.2g}; give its kinks")
    return _Moments(float(found[0]), found[1:2] * deviation, found[2:].reshape(1, 1) * deviation**2)


def _values(function, projections):
    values, rows = np.asarray(function(projections), dtype=float), len(projections)
    if values.shape == projections.shape == (rows, 1):   # of a function of numbers, such as np.sin
        values = values[:, 0]
    if values.shape != (rows,):
        raise ValueError(f"function returned shape {values.shape} for projections {projections.shape}: must be ({rows},), one label a row")
    if not np.isfinite(values).all():
        raise ValueError("function returned labels that are not finite")
    return values


def _lifted(moments, directions, within, covariance, label_noise):
    """From moments with projections to moments with all features: ``x = lift z + rest``, the rest independent of ``z``."""
    variance = noise_argument(label_noise) ** 2
    solved = np.linalg.solve(within, moments.first)
    lift = np.linalg.solve(within, directions @ covariance.matrix).T  # (D, r)
    rest = covariance.matrix - lift @ within @ lift.T
    mean = lift @ moments.first
    spread = lift @ moments.second @ lift.T + moments.square * rest + variance * covariance.matrix - np.outer(mean, mean)
    return Labels(covariance.matrix, directions.T @ solved, spread, float(moments.square - moments.first @ solved + variance))


def _directions_argument(directions, dim):
    found = np.atleast_2d(np.asarray(directions))
    if found.ndim != 2 or found.shape[1] != dim or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise ValueError(f"directions has shape {np.shape(directions)}: must be finite numbers, (r, {dim}) or ({dim},)")
    if len(found) == dim:
        return matrix_argument("directions", found, dim)
    return found.astype(float)
