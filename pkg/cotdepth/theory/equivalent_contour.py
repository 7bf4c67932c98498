"""Coefficients ``[x^k y^k]`` of a two-point function, from its values on circles, and the radius that allows.

Circles somewhat inside the radius of convergence and the fast Fourier transform. What the transform leaves at orders that are
too high to matter is rounding, or will fold into the coefficients: its size is the error estimate.
"""

from typing import NamedTuple

import numpy as np
import scipy  # loads scipy.optimize at its first use: it takes long

from cotdepth.theory.equivalent_fixed_point import Medium, solved
from cotdepth.theory.equivalent_two_point import channel_matrix, generating_functions

LARGEST_DEPTH = 200  # the grid has (9 depth)^2 / 2 points, for each product of two channels
LARGEST_RADIUS = 64.0  # errors that decay faster are computed as if they decayed like this
SMALLEST_LOG_RADIUS = -40.0
INSIDE = 4.0  # log of the factor by which the circle has shrunk at the largest depth: magnifies rounding by its square
NODES = 9  # nodes for each depth: coefficients that fold into each other differ in order by this, exp(-INSIDE NODES) in size
SINGULAR_FIT = "the one-point equations have no solution: without ridge, a family has too few tasks for directions that it alone has"
SPARE = 1e-5  # tasks beyond the directions that only a family has, relative: fewer cannot be told from none
ROUNDING = 20 * np.finfo(float).eps  # relative, of a coefficient and of an exponent


class Coefficients(NamedTuple):
    """Coefficients of ``F`` times ``radius^(i + j)``, which keeps them in range, and their error."""

    scaled: np.ndarray  # (depth + 1, depth + 1)
    radius: float
    noise: float  # estimated error of every entry of `scaled`


# --- the radius ---------------------------------------------------------------------------------------------------


def radius_of_convergence(problem, tolerance: float) -> float:
    """The smallest ``|x|`` on the real axis where ``F(x, x)`` is singular, to a relative `tolerance`; at most 64."""
    return min(_radius(problem, side, tolerance) for side in (1.0, -1.0))


def solvable(problem) -> bool:
    """Whether the one-point equations have a solution near ``x = 0``: not where the fit is singular, or hardly regular."""
    found, level = _level(problem, np.array([np.exp(SMALLEST_LOG_RADIUS)]), np.ones((1, 1 + len(problem.families))))
    return bool(level < 1 and (problem.penalty or found.dressing.min() > SPARE))


def loop_gain(problem, x: float) -> float:
    """What repeated fluctuations multiply by at a real `x`; errors grow in the end where it exceeds 1 at 1 or -1."""
    return _level(problem, np.array([x]), np.ones((1, 1 + len(problem.families))))[1]


def _radius(problem, side, tolerance):
    """Where the repeated fluctuations cease to converge on one side, or an eigenvalue of the resolvent diverges."""
    start = [np.ones((1, 1 + len(problem.families)))]

    def excess(log_radius):
        found, level = _level(problem, np.array([side * np.exp(log_radius)]), start[0])
        if level < 1:
            start[0] = found.dressing
        return min(level, 2.0) - 1

    low, high, step = -1.0, np.log(LARGEST_RADIUS), 0.5
    while excess(low) >= 0:
        low -= 1
        if low < SMALLEST_LOG_RADIUS:
            raise ArithmeticError(SINGULAR_FIT)
    while excess(min(low + step, high)) < 0:
        low += step
        if low >= high:
            return LARGEST_RADIUS
    try:
        return float(np.exp(scipy.optimize.brentq(excess, low, min(low + step, high), xtol=tolerance, rtol=1e-15)))
    except ValueError:  # no change of sign: at the edge of being singular the iteration does not find one solution twice
        raise ArithmeticError(SINGULAR_FIT) from None


def _level(problem, x, start):
    """The medium at a point and the spectral radius of ``m`` there, infinite beyond the radius of convergence."""
    try:
        found, converged = solved(problem, x, start)
        if converged and _physical(problem, found):
            return found, np.linalg.eigvals(channel_matrix(problem, found)).real.max(initial=0)
    except np.linalg.LinAlgError:  # an eigenvalue of the resolvent diverges right here
        pass
    return None, np.inf


def _physical(problem, found):
    """Whether a solution on the real axis continues the one at 0: nothing has changed sign."""
    eigenvalues = problem.algebra.eigenvalues(found.inverse)
    return bool((found.dressing.real > 0).all() and (eigenvalues.real > 0).all())


# --- coefficients -------------------------------------------------------------------------------------------------


def coefficients(problem, sources, depth: int, radius: float | None = None) -> list[Coefficients]:
    """Those of ``F`` of each source up to ``x^depth y^depth``; `radius` of convergence, if it is known."""
    order = max(depth, 1)
    n_nodes = max(NODES * order, 16) // 2 * 2
    radius = (radius or radius_of_convergence(problem, 0.01 / order)) * np.exp(-INSIDE / order)
    circle = radius * np.exp(2j * np.pi * np.arange(n_nodes // 2 + 1) / n_nodes)  # the lower half is its conjugate
    found = _on_circle(problem, circle)
    if not all(_physical(problem, Medium(*(values[[node]] for values in found))) for node in (0, -1)):
        raise ArithmeticError(f"the one-point equations have no solution at |x| = {radius:.6g} that continues the one at 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        values = generating_functions(problem, found, sources, _pairs)
    if not np.isfinite(values).all():
        raise ArithmeticError(SINGULAR_FIT)
    return [_transformed(function, radius, depth) for function in values]


def _on_circle(problem, circle):
    """The medium at all points, solved in pieces of bounded memory."""
    piece = max(1, 2_000_000 // problem.test.size)
    parts = []
    for first in range(0, len(circle), piece):
        x = circle[first : first + piece]
        found, converged = solved(problem, x, np.ones((len(x), 1 + len(problem.families))))
        if not converged:
            raise ArithmeticError(f"the one-point equations did not converge at |x| = {abs(x[0]):.6g}")
        parts.append(found)
    return Medium(*(np.concatenate(arrays) for arrays in zip(*parts)))


def _pairs(vectors):
    """Products over pairs of nodes, (half circle, whole circle)."""
    whole = np.concatenate([vectors, vectors[-2:0:-1].conj()])
    return vectors @ whole.T


def _transformed(function, radius, depth):
    n_nodes = function.shape[1]
    scaled = np.fft.hfft(np.fft.fft(function, axis=1), n_nodes, axis=0) / n_nodes**2
    high = 7 * n_nodes // 8
    noise = max(np.abs(scaled[high:]).max(), np.abs(scaled[:, high:]).max())
    return Coefficients(scaled[: depth + 1, : depth + 1], radius, float(noise))


def diagonal(found: Coefficients) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients ``[x^k y^k] F``, (depth + 1,), and their error estimates."""
    return _unscaled(np.diag(found.scaled), found.noise, found.radius)


def summed_diagonal(found: Coefficients) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients of ``F / ((1 - x)(1 - y))`` likewise: sums over all lower orders.

    Sums do not decay, so a radius above 1 is divided out first.
    """
    orders, radius = np.arange(len(found.scaled)), min(found.radius, 1.0)
    kept = (radius / found.radius) ** orders
    powers = np.tril(radius ** np.maximum(np.subtract.outer(orders, orders), 0))
    sums = powers @ (np.outer(kept, kept) * found.scaled) @ powers.T
    return _unscaled(np.diag(sums), found.noise * (powers @ kept) ** 2, radius)


def _unscaled(scaled, noise, radius):
    with np.errstate(all="ignore"):
        exponent = -2 * np.log(radius) * np.arange(len(scaled))
        scale = np.exp(exponent)
        return scaled * scale, (noise + ROUNDING * (1 + np.abs(exponent)) * np.abs(scaled)) * scale
