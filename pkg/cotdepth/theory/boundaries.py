"""Where the generating function of the errors is singular, in closed form: the numbers behind boundaries, rates and laws.

Ridgeless, isotropic, any step size ``eta``. With ``b = (eta/c)/sqrt(alpha)``, ``z_1 = 1 - (1 + 1/alpha) eta/c`` and
``1/x = z_1 + b (v + 1/v)``, ``|v| < 1``, the poles ``beta x^2 Q(x, x) = 1`` are the roots of ``1 - (1 + beta (1 + alpha)) v^2
+ 2 beta sqrt(alpha) v^3 = 0``, one of each sign: at the negative one eigenvalues of ``A S`` pass 2 and errors oscillate, at the
positive one eigenvalues turn negative and errors drift. Derived for this project from the Stieltjes transform of the
Marchenko-Pastur law (asymptotic paper, section 5, has the condition at ``x = -1``). Arguments are floats and arrays, unchecked.
"""

from typing import NamedTuple

import numpy as np


class CriticalPoints(NamedTuple):
    """The roots ``v`` of the cubic, and ``1/|x|`` there: the growth of errors in one step; not positive where there is no such x."""

    oscillation: np.ndarray  # v in (-1, 0)
    drift: np.ndarray  # v in (0, 1]
    oscillation_factor: np.ndarray
    drift_factor: np.ndarray


def prompt_variance(alpha, sigma):
    """``c - 1 = (1 + sigma^2)/alpha``: variance of a component of the prompt statistic ``b`` around its task ``w``."""
    return (1 + sigma**2) / alpha


def noise_strength(alpha, tau, sigma):
    """``beta = (c - 1)/(tau - 1)``: strength of the noise in the fitted matrix."""
    return prompt_variance(alpha, sigma) / (tau - 1)


def bulk_map(alpha, sigma, step_size=1.0):
    """The constants ``z_1`` and ``b``, without cancellation at large `alpha`."""
    variance = prompt_variance(alpha, sigma)
    centre = 1 - step_size + step_size * sigma**2 / alpha / (1 + variance)
    return centre, step_size / (1 + variance) / np.sqrt(alpha)


def critical_points(alpha, tau, sigma, step_size=1.0) -> CriticalPoints:
    """Both poles; the inverse roots ``y = 1/v`` solve ``y^3 - 3 linear y + 2 beta sqrt(alpha) = 0``, by its trigonometric solution."""
    beta, (centre, width) = noise_strength(alpha, tau, sigma), bulk_map(alpha, sigma, step_size)
    linear = (1 + beta * (1 + alpha)) / 3
    angle = np.arccos(np.maximum(-beta * np.sqrt(alpha) / linear**1.5, -1)) / 3
    drift, oscillation = (2 * np.sqrt(linear) * np.abs(np.cos(angle + turn)) for turn in (0, 2 * np.pi / 3))
    alternating, growing = width * (oscillation + 1 / oscillation) - centre, centre + width * (drift + 1 / drift)
    return CriticalPoints(-1 / oscillation, 1 / drift, alternating, growing)


def singularity(alpha, tau, sigma, step_size=1.0):
    """Twice the log of the largest ``1/|x|`` at a real singularity of ``F(x, x)``, the atom of ``alpha < 1`` at ``x = 1`` included."""
    points = critical_points(alpha, tau, sigma, step_size)
    return 2 * np.log(np.maximum(np.maximum(points.oscillation_factor, points.drift_factor), np.where(alpha < 1, 1.0, 0.0)))


def oscillation_boundary(alpha, sigma, step_size=1.0):
    """The task ratio with a pole at ``x = -1``; infinite where even the population optimum oscillates, ``eta s_+ >= 2 c``.

    There ``v = -1/u`` with ``u + 1/u = 2 (1 + gap)``, and the cubic gives ``beta``. No difference here cancels at ``eta = 1``.
    """
    noisy = (1 - 1 / np.sqrt(alpha)) ** 2 + 2 * sigma**2 / alpha  # 2 c - s_+
    gap = np.maximum(noisy + (1 - step_size) * (1 + 1 / np.sqrt(alpha)) ** 2, 0) * np.sqrt(alpha) / (2 * step_size)
    root = np.sqrt(gap * (2 + gap))
    u = 1 + gap + root
    with np.errstate(divide="ignore"):
        return 1 + prompt_variance(alpha, sigma) * (1 + alpha + 2 * np.sqrt(alpha) / u) / (2 * root * u)


def drift_boundary(alpha, sigma):
    """The task ratio with a pole at ``x = 1``, whatever the step size."""
    return 1 + (1 + sigma**2) / np.maximum(1, alpha)


def critical_task_ratio(alpha, sigma, step_size=1.0):
    """The larger of the two boundaries."""
    return np.maximum(oscillation_boundary(alpha, sigma, step_size), drift_boundary(alpha, sigma))


def largest_stable_step(alpha, tau, sigma):
    """The step size that puts a pole at ``x = -1``; the roots ``v`` do not depend on it."""
    root = -critical_points(alpha, tau, sigma).oscillation
    step = 2 * (1 + prompt_variance(alpha, sigma)) / (1 + 1 / alpha + (root + 1 / root) / np.sqrt(alpha))
    return np.where(tau > drift_boundary(alpha, sigma), step, np.nan)
