"""Claims about the boundary of overthinking and the phases on both sides (asymptotic paper, Result 5)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import asymptotic, boundaries
from cotdepth.theory.row_filter import gauss_rule

LEDGER = Ledger("asymptotic")
SIGMAS = (0.1, 0.5, 1.0, 2.0)
ALPHAS = (0.3, 0.7, 1.5, 3.0, 8.0)


@LEDGER.claim(
    "Result 5", "boundary with noisy labels",
    sentence="With more tasks a dimension than the printed boundary tau_minus, thinking improves the error exponentially (alpha > 1).",
    form="The exact error falls from k = 60 to k = 120 at (alpha, tau, sigma) = (3, 1.6, 2), which is above tau_minus; corrected: it"
         " falls above max(tau_minus, tau_plus), by a tenth, and rises below it",
    kind="numerical",
    erratum="There is a second boundary, tau_plus = 1 + (1 + sigma^2)/max(1, alpha): noise in the fitted matrix reverses directions.",
)  # fmt: skip
def noisy_boundary():
    """Growth of the error between depths 60 and 120, as a ratio, on both sides of the boundary."""
    boundary = float(asymptotic.critical_task_ratio(3, 2))
    printed, below, above = (growth(3, tau, 2) for tau in (1.6, 0.9 * boundary, 1.1 * boundary))
    return Outcome(
        Check("E_120 / E_60 at tau = 1.6", printed, 1),
        Check("larger of E_120 / E_60 above and E_60 / E_120 below the corrected boundary", max(above, 1 / below), 1),
    )


def growth(alpha: float, tau: float, sigma: float) -> float:
    """Ratio of the errors at depths 120 and 60."""
    curve = asymptotic.error_curve(alpha, tau, sigma, depth=120)
    return float(np.divide(curve.sel(k=120), curve.sel(k=60)))


@LEDGER.claim(
    "Result 5", "sign of the rate",
    sentence="The exponential rate is positive below the printed boundary and not above it, at every context ratio and noise.",
    form="Number of 40 points, 10% above and below tau_minus, at 5 context ratios and 4 noises, where the log of the error rises, more"
         " from k = 250 to 500 than from 125 to 250, above the boundary or does not below; corrected: around the library's critical"
         " task ratio",
    kind="numerical",
    erratum="There is a second boundary, tau_plus = 1 + (1 + sigma^2)/max(1, alpha), above tau_minus once sigma exceeds 0.3 to 0.8.",
)  # fmt: skip
def sign_of_rate():
    """Wrong sides counted, around both boundaries."""
    measure = "points where the error goes the wrong way"
    printed, corrected = (wrong_sides(boundary) for boundary in (boundaries.oscillation_boundary, boundaries.critical_task_ratio))
    return Outcome(Check(measure, printed, 0), Check(measure, corrected, 0))


def wrong_sides(boundary) -> int:
    """How many points beside a boundary, a function of alpha and sigma, grow above it or do not grow below it."""
    alpha, sigma = (each.ravel() for each in np.meshgrid(ALPHAS, SIGMAS))
    critical = boundary(alpha, sigma)
    return sum(int((grows(alpha, 1 + factor * (critical - 1), sigma) != (factor < 1)).sum()) for factor in (0.9, 1.1))


def grows(alpha, tau, sigma):
    """Whether errors rise without slowing down: from depth 250 to 500 more than from 125 to 250. Some rise to a floor."""
    curve = asymptotic.log_error_curve(alpha, tau, sigma, depth=500)
    early, late = ((curve.sel(k=end) - curve.sel(k=end // 2)).values for end in (250, 500))
    return (late > 0) & (late > early)


@LEDGER.claim(
    "Result 5", "printed boundary in closed form",
    sentence="The boundary has a closed form in alpha and sigma, by the condition that the denominator vanishes at x = y = -1.",
    form="1 + (1 + sigma^2)(h - r)(h + alpha + 1 - r)/(2 alpha r), h = alpha + 1 + 2 sigma^2, r^2 = h^2 - 4 alpha, and 1 + (c - 1)"
         " times the average of (s/c)^2/(2 - s/c)^2 both agree with the library's oscillation boundary at 20 points, to a relative 1e-8",
    kind="numerical",
)  # fmt: skip
def oscillation_form():
    """The printed form, the integral that it stands for, and the library's form that does not cancel."""
    points = [(alpha, sigma) for alpha in ALPHAS for sigma in SIGMAS]
    gaps = [abs(form(*point) / asymptotic.oscillation_boundary(*point).item() - 1) for point in points for form in (printed, integrated)]
    return Outcome(Check("largest relative difference", worst(gaps), 1e-8))


def printed(alpha, sigma):
    """The boundary as the paper has it, equation 18."""
    h = alpha + 1 + 2 * sigma**2
    root = np.sqrt(h**2 - 4 * alpha)
    return 1 + (1 + sigma**2) * (h - root) * (h + alpha + 1 - root) / (2 * alpha * root)


def integrated(alpha, sigma):
    """The task ratio at which ``beta Q(-1, -1) = 1``."""
    nodes, weights = gauss_rule(alpha, 400)
    variance = boundaries.prompt_variance(alpha, sigma)
    a = (1 + nodes / np.sqrt(alpha)) / (1 + variance)
    return 1 + variance * (weights @ (a / (2 - a)) ** 2)


@LEDGER.claim(
    "Result 5", "a single dominant critical point",
    sentence="Among the singularities the one that the derivation follows, at x = y < 0, is the one of smallest modulus.",
    form="1/|x| at the negative critical point is at least that at the positive one at 20 points 10% above tau_minus: largest log ratio"
         " of the two; corrected: no point of the two circles x = r e^(iu), y = r e^(iv) inside the larger of the two has |beta x y Q|"
         " above 1 (64 x 64 angles)",
    kind="numerical",
    erratum="The assumption fails where labels are noisy: the critical point at x = y > 0 comes first. No others do.",
)  # fmt: skip
def dominance():
    """The two real critical points, then all angles."""
    points = [(alpha, 1 + 1.1 * (printed(alpha, sigma) - 1), sigma) for alpha in ALPHAS for sigma in SIGMAS]
    lead = [np.log(found.drift_factor / found.oscillation_factor) for found in (boundaries.critical_points(*point) for point in points)]
    largest = worst(largest_rung(*point) for point in points)
    return Outcome(Check("largest log of 1/|x| at the positive point over that at the negative", worst(lead), 0),
                   Check("largest |beta x y Q|", largest, 1 + 1e-9))  # fmt: skip


def largest_rung(alpha, tau, sigma, n_angles=64):
    """``max |beta x y Q(x, y)|`` over two circles of the radius of convergence."""
    found = boundaries.critical_points(alpha, tau, sigma)
    x = np.exp(2j * np.pi * np.arange(n_angles) / n_angles) / max(found.drift_factor, found.oscillation_factor)
    nodes, weights = gauss_rule(alpha, 400)
    a = (1 + nodes / np.sqrt(alpha)) / (1 + boundaries.prompt_variance(alpha, sigma))
    resolvent = 1 / (1 - np.multiply.outer(x, 1 - a))
    Q = np.einsum("in,jn,n->ij", resolvent, resolvent, weights * a**2)
    return np.abs(boundaries.noise_strength(alpha, tau, sigma) * np.multiply.outer(x, x) * Q).max()


@LEDGER.claim(
    "Result 5", "noiseless full context",
    sentence="The boundary, equation 18, diverges at alpha = 1 as the noise vanishes: without noise no finite number of tasks is enough.",
    form="The library's boundary at alpha = 1 is infinite at sigma = 0 and finite at alpha = 0.5 and 2, and tau_c sigma / sqrt(2) is 1"
         " within 2 sigma (the next term is -sqrt(2) sigma) at sigma = 0.01 and 0.1: largest distance over sigma, infinite where a"
         " boundary is wrongly finite or infinite",
    kind="numerical",
)  # fmt: skip
def diverging_boundary():
    """Infinite boundaries, and the divergence at small noise."""
    infinite = np.isinf(asymptotic.critical_task_ratio(np.array([0.5, 1.0, 2.0]), 0.0)).values.tolist()
    noises = np.array([0.01, 0.1])
    distances = np.abs(asymptotic.critical_task_ratio(1.0, noises).values * noises / np.sqrt(2) - 1) / noises
    found = worst(distances) if infinite == [False, True, False] else np.inf
    return Outcome(Check("largest |tau_c sigma / sqrt(2) - 1| / sigma", found, 2))
