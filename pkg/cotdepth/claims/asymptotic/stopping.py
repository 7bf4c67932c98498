"""Claims about overthinking and when to stop (asymptotic paper, Result 5.2 and section 5.2)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import asymptotic, boundaries, critical

LEDGER = Ledger("asymptotic")
NEAR = (0.01, 0.005, 0.0025)       # distances delta below the boundary
QUIET = ((3.0, 0.01), (3.0, 0.3))  # alpha, sigma: noise at which tau_minus is the boundary
NOISY = (2.5, 1.0)                 # here it is tau_plus
DEEP = 1000                        # beyond the best depth at all of these
HALVED = 0.5**0.5                  # largest ratio of distances from a law as delta halves: 1/2 for corrections of order delta


def best(alpha, sigma, boundary):
    """Best depths, to a fraction of a step, and their errors, `NEAR` below a boundary, a function of alpha and sigma."""
    curves = asymptotic.log_error_curve(alpha, float(boundary(alpha, sigma)) - np.array(NEAR), sigma, depth=DEEP).values
    return tuple(np.array(found) for found in zip(*map(_vertex, curves)))


def _vertex(curve):
    """Place of the minimum of the parabola through the lowest three depths, and the lowest error; 0 if it is at the start."""
    place = int(curve.argmin())
    if place in (0, len(curve) - 1):
        return float(place), np.exp(curve[place])
    before, lowest, after = curve[place - 1 : place + 2]
    return place + (before - after) / (2 * (before - 2 * lowest + after)), np.exp(lowest)


def approach(scaled, constant) -> float:
    """Largest ratio of a relative distance from the constant to that at twice the distance from the boundary."""
    distances = np.abs(scaled / constant - 1)
    return worst(distances[1:] / distances[:-1])


def depth_approach(alpha, sigma, boundary):
    """`approach` of the best depth times delta."""
    return approach(best(alpha, sigma, boundary)[0] * NEAR, critical.optimal_depth_constants(alpha, sigma).depth_constant.item())


def error_approach(alpha, sigma, boundary):
    """`approach` of the best error over the square root of delta."""
    return approach(best(alpha, sigma, boundary)[1] / np.sqrt(NEAR), critical.optimal_depth_constants(alpha, sigma).error_constant.item())


def _largest(found):
    return worst(found(*place, boundaries.critical_task_ratio) for place in QUIET)


@LEDGER.claim(
    "Result 5.2", "best depth",
    sentence="Just below the boundary the best depth is a constant over the distance from it.",
    form="Best depth, to a fraction of a step, times delta over the library's constant, delta = 0.01, 0.005, 0.0025 below the boundary:"
         " its distance from 1 falls to 0.71 or less each time delta halves (1/2 for a correction of order delta), (alpha, sigma) = (3,"
         " 0.01), (3, 0.3), where the printed boundary is the library's",
    kind="numerical",
)  # fmt: skip
def best_depth():
    """Best depths of exact curves beside the constant."""
    return Outcome(Check("largest ratio of distances as delta halves", _largest(depth_approach), HALVED))


@LEDGER.claim(
    "Result 5.2", "best error",
    sentence="Just below the boundary the error at the best depth is a constant times the square root of the distance from it.",
    form="As the previous claim, of the best error over sqrt(delta) and the library's constant of it",
    kind="numerical",
)  # fmt: skip
def best_error():
    """Best errors of exact curves beside the constant."""
    return Outcome(Check("largest ratio of distances as delta halves", _largest(error_approach), HALVED))


@LEDGER.claim(
    "Result 5.2", "scaling with noisy labels",
    sentence="Just below the boundary the best depth is a constant over the distance from it, and its error goes like the square root.",
    form="As the previous two claims at (alpha, sigma) = (2.5, 1), below the printed tau_minus; corrected: below the library's boundary",
    kind="numerical",
    erratum="With noisy labels both laws are of the distance from tau_plus = 1 + (1 + sigma^2)/max(1, alpha).",
)  # fmt: skip
def noisy_scaling():
    """Best depths and errors below both boundaries."""
    measure = "largest ratio of distances as delta halves"
    printed, corrected = (worst([depth_approach(*NOISY, boundary), error_approach(*NOISY, boundary)])
                          for boundary in (boundaries.oscillation_boundary, boundaries.critical_task_ratio))  # fmt: skip
    return Outcome(Check(measure, printed, HALVED), Check(measure, corrected, HALVED))


@LEDGER.claim(
    "Result 5.2", "boundary that the best depth diverges at",
    sentence="As the task ratio nears the printed boundary tau_minus from below, the best depth diverges.",
    form="Best depth at (alpha, sigma) = (2.5, 1), delta = 0.02 below tau_minus, over that at 0.2, each plus 1, at least 5 (10 if it"
         " diverges like 1/delta); corrected: below the library's boundary",
    kind="numerical",
    erratum="With noisy labels it diverges at tau_plus = 1 + (1 + sigma^2)/max(1, alpha), and is finite at tau_minus, which lies in the"
         " regime of overthinking.",
)  # fmt: skip
def noisy_stop():
    """Growth of the best depth towards both boundaries."""
    measure = "best depth at 0.2 below the boundary over that at 0.02, each plus 1"
    printed, corrected = (deepening(boundary) for boundary in (boundaries.oscillation_boundary, boundaries.critical_task_ratio))
    return Outcome(Check(measure, 1 / printed, 0.2), Check(measure, 1 / corrected, 0.2))


def deepening(boundary, alpha=2.5, sigma=1.0):
    """Factor by which the best depth, plus 1, grows from 0.2 to 0.02 below a boundary, a function of alpha and sigma."""
    taus = float(boundary(alpha, sigma)) - np.array([0.2, 0.02])
    far, near = asymptotic.optimal_depth(alpha, taus, sigma, max_depth=DEEP).optimal_depth.values
    return (near + 1) / (far + 1)


@LEDGER.claim(
    "Result 5.2", "short prompts",
    sentence="The best depth diverges towards the boundary, and its error falls to 0, at every context ratio.",
    form="Best depth at alpha = 0.5, sigma = 0.1, delta = 0.2 over that at delta = 0.002, at most 0.1; corrected: at alpha = 0.5 this"
         " ratio is at least 1/2 and the best error at least 1 - alpha, and the library has constants for alpha > 1 only: wrong ones"
         " counted",
    kind="numerical",
    erratum="For alpha < 1 the error passes below its floor before it settles: the best depth stays finite and its error above"
         " 1 - alpha.",
)  # fmt: skip
def short_prompts():
    """Best depths towards the boundary at a small context ratio."""
    taus = asymptotic.critical_task_ratio(0.5, 0.1).item() - np.array([0.2, 0.002])
    found = asymptotic.optimal_depth(0.5, taus, 0.1, max_depth=DEEP)
    (far, near), error = found.optimal_depth.values, found.optimal_error.values[1]
    without = np.isnan(critical.optimal_depth_constants(np.array([0.5, 1.0, 2.0]), 0.1).depth_constant.values)
    wrong = (near > 2 * far) + (error < 0.5) + int((without != [True, True, False]).sum())
    return Outcome(Check("best depth at delta = 0.2 over that at 0.002", far / near, 0.1), Check("wrong statements", wrong, 0))


@LEDGER.claim(
    "Section 5.2", "a best depth",
    sentence="Where thinking hurts in the end, some thinking still helps: the best depth is not 0.",
    form="Number of 60 random regimes of overthinking (alpha 0.2 to 8, sigma to 1.5, tau from 1.02 to the boundary) in which the first"
         " step raises the error; corrected: it raises it exactly where (1 + beta)(1 + 1/alpha) > 2 c, and at (0.5, 2, 1) the best"
         " depth is 0: mismatches",
    kind="numerical",
    erratum="With few tasks, short prompts or noise even the first step hurts: E_1 = 1 - 2/c + (1 + beta)(1 + 1/alpha)/c^2 exceeds E_0"
         " = 1, and the best depth is 0.",
)  # fmt: skip
def first_step():
    """The first step of exact curves, and the rule for it."""
    rng = np.random.default_rng(1)
    alpha, sigma = np.exp(rng.uniform(np.log(0.2), np.log(8), 60)), rng.uniform(0, 1.5, 60)
    tau = 1.02 + (asymptotic.critical_task_ratio(alpha, sigma).values - 1.02) * rng.uniform(0, 1, 60)
    hurts = asymptotic.error_curve(alpha, tau, sigma, depth=1).sel(k=1).values > 1
    c, beta = 1 + boundaries.prompt_variance(alpha, sigma), boundaries.noise_strength(alpha, tau, sigma)
    stops = asymptotic.optimal_depth(0.5, 2, 1, max_depth=50).optimal_depth.item()
    mismatches = int((hurts != ((1 + beta) * (1 + 1 / alpha) > 2 * c)).sum()) + stops
    return Outcome(Check("regimes in which the first step hurts", int(hurts.sum()), 0), Check("mismatches", mismatches, 0))


@LEDGER.claim(
    "Section 5.2", "more tasks, longer thought",
    sentence="More pretraining tasks extend the useful range of thinking.",
    form="Best depth up to 200 never falls over 12 task ratios from 1.1 to 0.99 tau_c, (alpha, sigma) = (3, 0.01), (2, 0.5), (0.5,"
         " 0.1): smallest change, negative, and its size at most 0",
    kind="numerical",
)  # fmt: skip
def tasks_and_depth():
    """Best depths along the task ratio."""
    falls = [-np.diff(_depths(alpha, sigma)).min() for alpha, sigma in ((3.0, 0.01), (2.0, 0.5), (0.5, 0.1))]
    return Outcome(Check("largest fall of the best depth with more tasks", worst(falls), 0))


def _depths(alpha, sigma):
    taus = np.linspace(1.1, 0.99 * asymptotic.critical_task_ratio(alpha, sigma).item(), 12)
    return asymptotic.optimal_depth(alpha, taus, sigma, max_depth=200).optimal_depth.values
