"""Claims about overthinking and when to stop (asymptotic paper, Result 5.2 and section 5.2)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import asymptotic, boundaries, critical

LEDGER = Ledger("asymptotic")
NEAR = (0.02, 0.01, 0.005)        # distances delta below the boundary
PLACES = ((3.0, 0.01), (3.0, 0.3), (2.5, 1.0))   # alpha, sigma: the boundary of oscillation twice, then that of drift
DEEP = 700                        # beyond the best depth at all of these


def best(alpha, sigma, delta):
    """Best depth and its error, `delta` tasks a dimension below the library's boundary."""
    found = asymptotic.optimal_depth(alpha, asymptotic.critical_task_ratio(alpha, sigma).item() - delta, sigma, max_depth=DEEP)
    return found.optimal_depth.item(), found.optimal_error.item()


def exponent(values) -> float:
    """Slope of log values against log `NEAR`, by least squares."""
    return float(np.polyfit(np.log(NEAR), np.log(values), 1)[0])


@LEDGER.claim(
    "Result 5.2", "best depth",
    sentence="Just below the boundary the best depth is a constant over the distance from it.",
    form="Exponent of the best depth in delta = tau_c - tau over 0.02, 0.01, 0.005 is -1 within 0.05, and at the least delta the depth"
         " times delta is within 2% of the library's constant, (alpha, sigma) = (3, 0.01), (3, 0.3), (2.5, 1): larger of the first"
         " times 0.4 and the second",
    kind="numerical",
)  # fmt: skip
def best_depth():
    """Best depths of exact curves beside the constant."""
    gaps = [_depth_gap(*place) for place in PLACES]
    return Outcome(Check("larger of 0.4 |exponent + 1| and |depth delta / constant - 1|", worst(gaps), 0.02))


def _depth_gap(alpha, sigma):
    depths = [best(alpha, sigma, delta)[0] for delta in NEAR]
    constant = critical.optimal_depth_constants(alpha, sigma).depth_constant.item()
    return max(0.4 * abs(exponent(depths) + 1), abs(depths[-1] * NEAR[-1] / constant - 1))


@LEDGER.claim(
    "Result 5.2", "best error",
    sentence="Just below the boundary the error at the best depth is a constant times the square root of the distance from it.",
    form="Exponent of the best error in delta over 0.02, 0.01, 0.005 is 1/2 within 0.05, and at the least delta the error over"
         " sqrt(delta) is within 2% of the library's constant, (alpha, sigma) = (3, 0.01), (3, 0.3), (2.5, 1): larger of the first"
         " times 0.4 and the second",
    kind="numerical",
)  # fmt: skip
def best_error():
    """Best errors of exact curves beside the constant."""
    gaps = [_error_gap(*place) for place in PLACES]
    return Outcome(Check("larger of 0.4 |exponent - 1/2| and |error / sqrt(delta) / constant - 1|", worst(gaps), 0.02))


def _error_gap(alpha, sigma):
    errors = [best(alpha, sigma, delta)[1] for delta in NEAR]
    constant = critical.optimal_depth_constants(alpha, sigma).error_constant.item()
    return max(0.4 * abs(exponent(errors) - 0.5), abs(errors[-1] / np.sqrt(NEAR[-1]) / constant - 1))


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
    erratum="For alpha < 1 the error passes below its floor before it settles: the best depth stays finite (about 12 here) and its"
         " error above 1 - alpha.",
)  # fmt: skip
def short_prompts():
    """Best depths towards the boundary at a small context ratio."""
    (far, _), (near, error) = (best(0.5, 0.1, delta) for delta in (0.2, 0.002))
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
