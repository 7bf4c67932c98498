"""Growth rate and boundary of overthinking with ridge, from the general formula; scalars only.

Derived for this project: no paper has them. The growth rate comes from the radius of convergence on the real axis, where the
formula of `cotdepth.theory.equivalents` ceases to have a solution.
"""

from functools import partial

import numpy as np
import scipy  # loads scipy.optimize at its first use: it takes long

from cotdepth.theory import boundaries, isotropic
from cotdepth.theory.equivalent_contour import loop_gain, radius_of_convergence
from cotdepth.theory.row_filter import gauss_rule

TOLERANCE = 1e-14  # relative, of the radius
ZERO = 1e-9  # a rate this close to 0 is that of a floor, whose pole hides others this near
BESIDE = 1e-9  # relative: a task ratio beside a boundary
N_NODES = 400  # of the spectrum of the fit, which keeps its distance from 0
LARGEST = 1e6  # task ratio up to which the boundary is looked for


def growth_rate(alpha, tau, sigma, ridge, step_size=1.0) -> float:
    """Limit of ``log(E_k)/k``; exactly 0 where the error has a floor."""
    rate = -2 * np.log(radius_of_convergence(isotropic.limit(alpha, tau, sigma, ridge, step_size), TOLERANCE))
    return 0.0 if abs(rate) < ZERO else float(rate)


def phase(alpha, tau, sigma, ridge, step_size=1.0) -> str:
    """What more thinking does in the end; with fewer tasks or examples than dimensions an error that does not grow has a floor."""
    rate = growth_rate(alpha, tau, sigma, ridge, step_size)
    if rate:
        return "overthinking" if rate > 0 else "exponential"
    return "slow" if alpha == 1 and tau >= 1 else "saturation"


def critical_task_ratio(alpha, sigma, ridge, step_size=1.0) -> float:
    """The task ratio above which thinking is not harmful; infinite if it is harmful at a million still.

    Between the ridgeless boundary and ``min(1, alpha) c``, below which eigenvalues of ``A S`` turn negative with any ridge: ``A`` is
    singular where ``sum w b^T`` is, on all features, or at infinite ridge on those that the test prompt shows.
    """
    lower = min(1, alpha) * (1 + boundaries.prompt_variance(alpha, sigma))
    upper = min(boundaries.oscillation_boundary(alpha, sigma, step_size), LARGEST)
    oscillation = _boundary(partial(_oscillation_gain, alpha, sigma, ridge, step_size), lower, upper)
    drift = lower if alpha >= 1 else _boundary(partial(_drift_gain, alpha, sigma, ridge), lower, boundaries.drift_boundary(alpha, sigma))
    return max(oscillation, drift)


def _boundary(gain, lower, upper):
    """The task ratio from which on the gain is below 1: `lower` if it is smaller, infinite if it is larger than `upper`."""
    below, above = lower * (1 - BESIDE), upper * (1 + BESIDE)
    if above <= below or gain(below) <= 1:
        return lower
    return np.inf if gain(above) > 1 else scipy.optimize.brentq(lambda tau: gain(tau) - 1, below, above, xtol=1e-12, rtol=1e-12)


def _oscillation_gain(alpha, sigma, ridge, step_size, tau):
    return min(loop_gain(isotropic.limit(alpha, tau, sigma, ridge, step_size), -1.0), 2.0)


def _drift_gain(alpha, sigma, ridge, tau):
    """At ``x = 1`` for ``alpha < 1``: asymptotic paper, the system with ridge, where ``zeta phi`` tends to a finite ``w``."""
    c = 1 + boundaries.prompt_variance(alpha, sigma)
    nodes, weights = gauss_rule(tau, N_NODES)
    spectrum = 1 + nodes / np.sqrt(tau)
    shrunk = spectrum / (spectrum + ridge / (2 * c))  # T
    far = 60 + abs(np.log(ridge))
    log_w = scipy.optimize.brentq(lambda log_w: weights @ (1 / (1 + np.exp(-log_w) / shrunk)) - alpha, -far, far, xtol=1e-14)
    w = np.exp(log_w)
    q_squared = (1 + w * shrunk) ** -2.0
    repeated = w**2 / alpha * (weights @ q_squared) / (1 - w**2 / alpha * (weights @ (shrunk**2 * q_squared)))
    return (c - 1) / tau * (weights @ (shrunk**2 / spectrum * q_squared)) * (w**2 + repeated)
