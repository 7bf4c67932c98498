"""Laws of the eigenvalues of random diagonal covariances (gradient-flow paper, section 4.3).

A law is a frozen continuous distribution of `scipy.stats` with positive values: one of the named families, or any other.
The flow needs three moments of each; the paper's largest start also the largest eigenvalue of a prompt.
"""

import numpy as np
from scipy import stats

from cotdepth.checks import choice_argument, positive_argument
from cotdepth.theory.population import context_argument

NODES, MASS = np.polynomial.legendre.leggauss(16)
LEAST = 1e-8  # of the least mean: what is below adds its third power, and some densities have no value there
DEEPEST = -138.0  # natural logarithm of 1e-60, the probability of what quadrature leaves out
FAMILIES = ("exponential", "uniform", "gamma", "lognormal")


def exponential_law(mean: float = 1.0):
    """The exponential law with this mean, the paper's example at 1. Raises ValueError unless the mean is positive."""
    return stats.expon(scale=positive_argument("mean", mean))


def uniform_law(low: float, high: float):
    """The uniform law between two bounds, else ValueError: ``0 <= low < high``."""
    if not 0 <= low < high < np.inf:
        raise ValueError(f"low = {low!r}, high = {high!r}: must be 0 <= low < high, finite")
    return stats.uniform(low, high - low)


def gamma_law(shape: float, scale: float = 1.0):
    """The gamma law with mean ``shape * scale``. Raises ValueError unless both are positive."""
    return stats.gamma(positive_argument("shape", shape), scale=positive_argument("scale", scale))


def lognormal_law(median: float = 1.0, *, deviation: float):
    """The law of ``median * exp(deviation * eps)`` with standard normal ``eps``. Raises ValueError unless both are positive."""
    return stats.lognorm(positive_argument("deviation", deviation), scale=positive_argument("median", median))


def named_law(family: str, **parameters):
    """A law of a named family: ``named_law("gamma", shape=2.0)``. Raises ValueError for another name, TypeError for other parameters."""
    families = dict(zip(FAMILIES, (exponential_law, uniform_law, gamma_law, lognormal_law)))
    return families[choice_argument("family", family, FAMILIES)](**parameters)


def diagonal_moments(laws) -> np.ndarray:
    """``E lambda_i, E lambda_i^2, E lambda_i^3`` of the entries of a random diagonal covariance, (D, 3).

    Parameters
    ----------
    laws : sequence of D laws
        One for each entry; entries are independent. ``[exponential_law()] * 5`` for five alike.

    Raises
    ------
    ValueError
        If there is none, or one may be negative or lacks a third moment.
    """
    laws = laws_argument(laws)
    found = np.array([[law.moment(power) for power in (1, 2, 3)] for law in laws], dtype=float)
    if not np.isfinite(found).all():
        raise ValueError(f"laws = {laws!r}: each needs a finite third moment")
    return found


def draw_diagonals(laws, count: int, rng: np.random.Generator) -> np.ndarray:
    """Diagonals of random covariances, (count, D), for simulation. Arguments as in `diagonal_moments`."""
    return np.column_stack([law.rvs(size=count, random_state=rng) for law in laws_argument(laws)])


def mean_norm_product(laws, n_context) -> float:
    """``E |Gamma|_op |Lambda|_F^2`` of random diagonal covariances, of which the paper's largest start is made.

    ``(1 + 1/N) E[max_i lambda_i sum_j lambda_j^2] + E[tr(Lambda) tr(Lambda^2)] / N``, the first by quadrature over the largest
    entry, to about ten digits. Arguments as in `diagonal_moments`. Source: gradient-flow paper, eq. (4.10).
    """
    n, (first, second, third) = context_argument("n_context", n_context), diagonal_moments(laws).T
    traces = np.sum(third) + first.sum() * second.sum() - first @ second
    return float((1 + 1 / n) * _mean_largest_times_squares(laws) + traces / n)


def laws_argument(laws) -> list:
    """Frozen laws of positive values; anything else is a ValueError."""
    laws = list(laws)
    for law in laws:
        if not all(hasattr(law, name) for name in ("pdf", "cdf", "ppf", "isf", "moment", "rvs")) or not law.support()[0] >= 0:
            raise ValueError(f"laws: {law!r} is no frozen continuous distribution of scipy.stats with non-negative values")
    if not laws:
        raise ValueError("laws = []: at least one is needed")
    return laws


def _mean_largest_times_squares(laws):
    """``E[max_i lambda_i sum_j lambda_j^2]``, from the joint density of the largest entry and one other.

    With ``i`` the largest at ``t``: ``t f_i(t) (t^2 + sum_j G_j(t) / F_j(t)) prod_j F_j(t)`` over ``j`` other than ``i``, where ``F``
    are distribution functions and ``G_j(t) = E[lambda_j^2; lambda_j <= t]`` is integrated along.
    """
    edges = _panels(laws)
    nodes = edges[:-1, None] + np.diff(edges)[:, None] * (NODES + 1) / 2  # (panels, nodes)
    masses = np.diff(edges)[:, None] * MASS / 2
    densities = np.stack([law.pdf(nodes) for law in laws])
    below = np.stack([law.cdf(nodes) for law in laws])
    partial = np.stack([_running_integral(density * nodes**2, masses, np.diff(edges)) for density in densities])
    ratio = np.divide(partial, below, out=np.zeros_like(partial), where=below > 0)
    others = _products_of_others(below)
    return sum(np.sum(masses * nodes * density * (nodes**2 + ratio.sum(axis=0) - own) * other)
               for density, own, other in zip(densities, ratio, others))


def _panels(laws):
    """Edges between which all densities are smooth and none has much mass: quantiles of all, from 1e-60 to 1 - 1e-60, and halves."""
    tails = np.exp(np.linspace(DEEPEST, 0, 140)) / 2
    edges = np.concatenate([edge for law in laws for edge in (law.ppf(tails), law.isf(tails))])
    floor, top = LEAST * min(law.mean() for law in laws), edges.max()
    halves = top / 2.0 ** np.arange(np.ceil(np.log2(top / floor)))
    starts = [law.support()[0] for law in laws]
    return np.unique(np.clip(np.concatenate([edges, halves, starts]), floor, None))


def _running_integral(values, masses, widths):
    """Integral from the first edge to each node, (panels, nodes): of the polynomial through the nodes of each panel."""
    whole = np.concatenate([[0], np.cumsum(np.sum(values * masses, axis=1))[:-1]])
    return whole[:, None] + widths[:, None] * values @ _INTEGRALS.T


def _integrals():
    """Rows that integrate, from the left end of a panel of width 1 to each node, the polynomial through values at the nodes."""
    legendre = np.polynomial.legendre
    degrees = np.eye(len(NODES))
    values = np.stack([legendre.legval(NODES, degree) for degree in degrees], axis=1)
    integrals = np.stack([legendre.legval(NODES, legendre.legint(degree, lbnd=-1)) for degree in degrees], axis=1)
    return integrals @ np.linalg.inv(values) / 2


_INTEGRALS = _integrals()


def _products_of_others(below):
    """Products over all laws but each, (D, ...)."""
    ones = np.ones_like(below[:1])
    left = np.cumprod(np.concatenate([ones, below[:-1]]), axis=0)
    right = np.cumprod(np.concatenate([ones, below[:0:-1]]), axis=0)[::-1]
    return left * right
