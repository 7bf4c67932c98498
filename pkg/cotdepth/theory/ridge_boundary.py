"""Growth rate and boundary of overthinking with ridge, from the general formula; scalars only.

Derived for this project: no paper has them. The growth rate comes from the radius of convergence on the real axis, where the
formula of `cotdepth.theory.equivalents` ceases to have a solution.
"""

import numpy as np
import scipy  # loads scipy.optimize at its first use: it takes long

from cotdepth.theory import boundaries, isotropic
from cotdepth.theory.equivalent_contour import radius_of_convergence

TOLERANCE = 1e-14  # relative, of the radius
ZERO = 1e-12  # a rate this close to 0 is that of a floor
BESIDE = 1e-7  # relative: a task ratio beside a boundary
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

    def excess(tau):
        return growth_rate(alpha, tau, sigma, ridge, step_size) - ZERO

    lower = min(1, alpha) * (1 + boundaries.prompt_variance(alpha, sigma))
    upper = min(boundaries.critical_task_ratio(alpha, sigma, step_size), LARGEST)
    if excess(upper * (1 + BESIDE)) > 0:
        return np.inf
    if alpha >= 1 and excess(lower * (1 + BESIDE)) <= 0:
        return lower
    return scipy.optimize.brentq(excess, lower * (1 - BESIDE), upper * (1 + BESIDE), xtol=1e-10, rtol=1e-10)
