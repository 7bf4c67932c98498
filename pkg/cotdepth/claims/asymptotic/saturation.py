"""Claims about the floor of the error with short prompts (asymptotic paper, Result 5 and section 5.3)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import asymptotic, boundaries

LEDGER = Ledger("asymptotic")
SETTLED = [(0.5, 4.0, 0.3), (0.4, 5.0, 0.1), (0.8, 20.0, 0.1), (0.5, 8.0, 0.1), (0.25, 3.0, 0.5), (0.5, 3.5, 1.0)]
DEPTH = 1000


@LEDGER.claim(
    "Result 5", "floor",
    sentence="With at least as many examples as dimensions the error tends to 0, with fewer to a positive limit.",
    form="Error at k = 1000 beside the library's floor in six regimes with alpha < 1 (relative), and itself at (alpha, tau, sigma) ="
         " (2, 4, 0.1): largest, at most 1e-4; a floor is positive, and 0 from alpha = 1 on",
    kind="numerical",
)  # fmt: skip
def floor():
    """Deep exact curves beside the floor."""
    gaps = [abs(asymptotic.error_curve(*point, depth=DEPTH).values[-1] / asymptotic.error_floor(*point).item() - 1) for point in SETTLED]
    vanishing = [asymptotic.error_curve(2, 4, 0.1, depth=DEPTH).values[-1], *asymptotic.error_floor(np.array([1.0, 2.0]), 20, 0.1).values]
    return Outcome(Check("largest difference from the floor", worst(gaps + vanishing), 1e-4))


@LEDGER.claim(
    "Result 5", "approach to the floor",
    sentence="The error approaches its floor like k^(-1/2) times the exponential of the rate of the critical point.",
    form="Local slope of log |E_k - floor| beside 2 log r - 1/(2k) of the critical points, over 25 depths that end at k = 250, 100, 400"
         " for (0.5, 4, 0.3), (0.25, 3.5, 0.5), (0.7, 20, 0.3), within 10%; corrected: beside the slower of that and log(1 - s_-/c) -"
         " 3/(2k)",
    kind="numerical",
    erratum="The lower edge of the spectrum meets the atom at 0 too: a term k^(-3/2) (1 - s_-/c)^k, which is the slower one in these"
         " regimes.",
)  # fmt: skip
def approach():
    """Slopes of the exact curves beside both exponentials, before rounding sets in."""
    points = ((0.5, 4.0, 0.3, 250), (0.25, 3.5, 0.5, 100), (0.7, 20.0, 0.3, 400))
    slopes, laws = zip(*((local_slope(*point), settling(*point)) for point in points))
    measure = "largest relative difference of the local slope"
    printed = worst(abs(slope / pole - 1) for slope, (pole, _) in zip(slopes, laws))
    corrected = worst(abs(slope / max(law) - 1) for slope, law in zip(slopes, laws))
    return Outcome(Check(measure, printed, 0.1), Check(measure, corrected, 0.1))


def local_slope(alpha, tau, sigma, last, steps=25):
    """Mean slope of ``log |E_k - floor|``; the floor from the library's formula."""
    distance = np.abs(asymptotic.error_curve(alpha, tau, sigma, depth=last) - asymptotic.error_floor(alpha, tau, sigma)).values
    return np.log(distance[last] / distance[last - steps]) / steps


def settling(alpha, tau, sigma, last, steps=25):
    """Slopes, there, of the two terms by which the error settles: of the critical points, and of the edge beside the atom."""
    found, k = boundaries.critical_points(alpha, tau, sigma), last - steps / 2
    edge = 1 - (1 - 1 / np.sqrt(alpha)) ** 2 / (1 + boundaries.prompt_variance(alpha, sigma))
    return 2 * np.log(max(found.oscillation_factor, found.drift_factor)) - 0.5 / k, np.log(edge) - 1.5 / k


@LEDGER.claim(
    "Section 5.3", "stable, and an error remains",
    sentence="In the saturation regime thinking is stable and converges, and the error does not vanish.",
    form="Random regimes with alpha < 1 above the boundary, with noise at which the printed one is the library's, whose settling rate"
         " is at least 0.02 a step (slower ones need more depth): from k = 500 to 1000 the error changes by at most 1e-3 (e^-10 is"
         " 5e-5), and stays at least 1 - alpha: number that do not",
    kind="numerical",
)  # fmt: skip
def stable():
    """Ends of deep exact curves."""
    alpha, tau, sigma = random_saturation(quiet=True)
    fast = np.flatnonzero([max(settling(*point, np.inf, 0)) < -0.02 for point in zip(alpha, tau, sigma)])
    curves = asymptotic.error_curve(alpha[fast], tau[fast], sigma[fast], depth=DEPTH)
    half, end = (curves.sel(k=k).values for k in (DEPTH // 2, DEPTH))
    wrong = (np.abs(half / end - 1) > 1e-3) | (end < 1 - alpha[fast])
    return Outcome(Check(f"of {len(fast)} regimes, those that do not settle or end below 1 - alpha", worst([wrong.sum()]), 0))


@LEDGER.claim(
    "Section 5.3", "saturation below the start",
    sentence="Thinking that saturates ends below the error of the first guess.",
    form="Error at k = 1000 at (alpha, tau, sigma) = (0.5, 3.1, 1), over E_0 = 1, at most 1",
    kind="numerical",
    standing="reading",
)  # fmt: skip
def below_start():
    """The end of a curve that settles."""
    return Outcome(Check("E_1000 / E_0", asymptotic.error_curve(0.5, 3.1, 1, depth=DEPTH).values[-1], 1))


@LEDGER.claim(
    "Section 5.3", "saturation above the start",
    sentence="Where thinking converges to an answer worse than the first guess: the floor exceeds E_0 = 1 where beta > 1.",
    form="Over 60 random regimes of saturation the library's floor exceeds 1 exactly where beta > 1, in some of them and not in all, and"
         " at (0.5, 3.1, 1) it is above 1 and the error at k = 1000 to 1%: mismatches",
    kind="numerical",
    standing="open",
)  # fmt: skip
def high_floor():
    """A floor above the start, and the rule for it."""
    end, floor_there = asymptotic.error_curve(0.5, 3.1, 1, depth=DEPTH).values[-1], asymptotic.error_floor(0.5, 3.1, 1).item()
    alpha, tau, sigma = random_saturation()
    above = asymptotic.error_floor(alpha, tau, sigma).values > 1
    mismatches = int((above != (boundaries.noise_strength(alpha, tau, sigma) > 1)).sum()) + (above.all() or not above.any())
    settled = floor_there > 1 and abs(end / floor_there - 1) <= 0.01
    return Outcome(Check("mismatches", int(mismatches + (not settled)), 0))


def random_saturation(count=60, quiet=False):
    """Regimes with short prompts above the boundary, close to it and far from it; `quiet`: with noise at which tau_minus is the larger."""
    rng = np.random.default_rng(3)
    alpha, sigma = rng.uniform(0.1, 0.95, 10 * count), rng.uniform(0, 1.5, 10 * count)
    kept = np.flatnonzero(~quiet | (boundaries.oscillation_boundary(alpha, sigma) >= boundaries.critical_task_ratio(alpha, sigma)))[:count]
    alpha, sigma = alpha[kept], sigma[kept]
    return alpha, asymptotic.critical_task_ratio(alpha, sigma).values * (1 + np.exp(rng.uniform(np.log(0.01), np.log(4), count))), sigma


RETURNS = ((0.5, 8, 0.1), (0.5, 4, 0.3), (0.4, 5, 0.1))


def changes_of_log():
    """Changes of the log error in each of 400 steps, in three regimes of saturation."""
    return [np.diff(np.log(asymptotic.error_curve(*point, depth=400).values)) for point in RETURNS]


@LEDGER.claim(
    "Section 5.3", "diminishing returns",
    sentence="In the saturation regime more thought alone yields diminishing returns.",
    form="Largest change of the log error in one step, absolute, in each quarter of 400 steps over that in the quarter before, over"
         " (0.5, 8, 0.1), (0.5, 4, 0.3) and (0.4, 5, 0.1): at most 1/2",
    kind="numerical",
)  # fmt: skip
def returns():
    """Changes of exact curves, late and early."""
    quarters = [np.abs(change).reshape(4, 100).max(1) for change in changes_of_log()]
    return Outcome(Check("largest change over that in the quarter before", worst((each[1:] / each[:-1]).max() for each in quarters), 0.5))


@LEDGER.claim(
    "Section 5.3", "deeper thought does no harm",
    sentence="In the saturation regime deeper thought yields ever less, but does no harm.",
    form="Largest rise of the log error in one of 400 steps, over (0.5, 8, 0.1), (0.5, 4, 0.3) and (0.4, 5, 0.1), at most 1e-9",
    kind="numerical",
    standing="reading",
)  # fmt: skip
def no_harm():
    """Rises of exact curves."""
    return Outcome(Check("largest rise of log error in a step", worst(change.max() for change in changes_of_log()), 1e-9))


@LEDGER.claim(
    "Section 5.3", "information limit",
    sentence="What the prompt does not show cannot be reconstructed: the error stays above the share of directions without an example.",
    form="(1 - alpha) over the smallest error at k = 0 .. 200 in 60 random regimes with alpha < 1, above and below the boundary:"
         " largest, at most 1",
    kind="numerical",
)  # fmt: skip
def information():
    """Smallest errors beside the posterior variance of a noiseless prompt."""
    alpha, tau, sigma = random_saturation()
    taus = np.where(np.arange(len(tau)) % 2, tau, 1.05 + 0.5 * (asymptotic.critical_task_ratio(alpha, sigma).values - 1.05))
    smallest = asymptotic.error_curve(alpha, taus, sigma, depth=200).min("k").values
    return Outcome(Check("largest (1 - alpha) / error", worst((1 - alpha) / smallest), 1))


@LEDGER.claim(
    "Section 5.3", "more examples rather than more thought",
    sentence="Longer prompts lower the floor.",
    form="Floor falls over 20 values of alpha from 0.05 to 0.99 above the boundary, (tau, sigma) = (400, 0.1), (20, 1): largest change"
         " from one to the next, below 0",
    kind="numerical",
)  # fmt: skip
def floor_and_context():
    """Differences of floors along alpha, where there is one."""
    alphas = np.linspace(0.05, 0.99, 20)
    floors = [asymptotic.error_floor(alphas, tau, sigma).values for tau, sigma in ((400, 0.1), (20, 1))]
    return Outcome(Check("largest change of the floor", worst(np.diff(values).max() for values in floors), -1e-6))


@LEDGER.claim(
    "Section 5.3", "longer prompts overtaken",
    sentence="A longer prompt can be better at first and worse in the end than a shorter one, whose error saturates.",
    form="At tau = 5, sigma = 0.1: larger of E_5(alpha = 1) / E_5(alpha = 0.4) and E_400(0.4) / E_400(1), below 1",
    kind="numerical",
)  # fmt: skip
def overtaken():
    """The pair of figure 1C, shallow and deep."""
    longer, shorter = (asymptotic.error_curve(alpha, 5, 0.1, depth=400).values for alpha in (1.0, 0.4))
    return Outcome(Check("larger of the early and the late ratio", worst([longer[5] / shorter[5], shorter[400] / longer[400]]), 1))
