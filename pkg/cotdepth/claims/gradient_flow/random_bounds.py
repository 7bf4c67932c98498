"""Claims about the bounds in the proof for random covariances (gradient-flow paper, lemmas C.6 to C.8)."""

import numpy as np
from scipy.optimize import brentq

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.gradient_flow.random_paths import N_CONTEXT, PATHS, moments, paths
from cotdepth.claims.gradient_flow.rates import promised_share
from cotdepth.theory import flow

LEDGER = Ledger("gradient-flow")


@LEDGER.claim(
    "Lemma C.6", "pull at the start",
    sentence="In the proof E tr(Lambda^2 Theta Theta^T) equals |E[Lambda] Theta|_F^2.",
    form="Largest relative difference of the two; corrected: largest ratio of the second to the first, from the library's landscape,"
         f" which differs from the first by quadrature by less than 1e-9: {PATHS}",
    kind="numerical",
    erratum="It is at least that, by Jensen's inequality; the proof needs no more.",
)  # fmt: skip
def pull_at_the_start():
    """Both sides for each Theta."""
    def sides(path):
        squares = np.diag(path.theta @ path.theta.T)
        exact, library = moments(path.kind)[1] @ squares, np.sum(path.landscape.pull * (path.theta @ path.theta.T))
        return abs(path.pulled / exact - 1), path.pulled / library, abs(library / exact - 1)

    printed, ratios, gaps = (worst(values) for values in zip(*map(sides, paths())))
    corrected = Check("largest ratio", ratios, 1) if gaps < 1e-9 else Check("difference between library and quadrature", gaps, 1e-9)
    return Outcome(Check("largest relative difference", printed, 1e-9), corrected)


@LEDGER.claim(
    "Lemma C.7", "lower bound on the value",
    sentence="The value stays above sigma sqrt((2 P - sqrt(D) sigma^2 R) / (2 sqrt(D) P)), P = |E[Lambda] Theta|_F^2, R = E |Gamma|_op"
             " |Lambda|_F^2.",
    form=f"Largest ratio of the printed bound to the smallest value: {PATHS}",
    kind="numerical",
)  # fmt: skip
def value_bound():
    """The bound as stated beside the smallest value of each flow."""
    ratios = [path.least_value(path.pulled) / path.found.value.values.min() for path in paths()]
    return Outcome(Check("largest ratio of the bound to the smallest value", worst(ratios), 1))


@LEDGER.claim(
    "Lemma C.7", "argument for the bound",
    sentence="That bound follows since a balanced state with a smaller value has a loss above the start's.",
    form="How far the lowest loss of balanced states with the bound's value is below what the start's loss is known to be, over that, at"
         f" most 1e-9: with the printed denominator; corrected: with the library's bound: {PATHS}",
    kind="numerical",
    erratum="The denominator of (C.12) is |E Lambda^2|_op, as in its proof, not |E[Lambda] Theta|_F^2. (The bound as printed holds in all"
            " flows here, but not for this reason.)",
)  # fmt: skip
def argument_for_the_bound():
    """The lowest loss at the bound's value beside the start's."""
    def short(path, value):
        known = path.scale**2 * path.margin / 2  # the start's loss is at most minus that
        return -lowest_balanced_loss(path.landscape, value) / known - 1

    measure = "how far the lowest loss is below, relative"
    printed = worst(short(path, path.least_value(path.pulled)) for path in paths())
    corrected = worst(short(path, flow.random_value_bound(path.theta, path.laws, N_CONTEXT, scale=path.scale)) for path in paths())
    return Outcome(Check(measure, printed, 1e-9), Check(measure, corrected, 1e-9))


def lowest_balanced_loss(landscape, value) -> float:
    """Lowest loss of states with this value and ``|U|_F`` equal to it: the minimum over a sphere, by its Lagrange multiplier.

    The multiplier is positive below the value of the minimum, so that what nothing pulls is 0.
    """
    curvature, pull = value**2 * np.diag(landscape.curvature), value * np.diag(landscape.pull)

    def excess(shift):
        return np.linalg.norm(pull / (curvature + shift)) - value

    low = -curvature.min() * (1 - 1e-12)
    shift = brentq(excess, low, np.linalg.norm(pull) / value + 1)
    entries = pull / (curvature + shift)  # of the diagonal
    return float(curvature @ entries**2 / 2 - pull @ entries)


@LEDGER.claim(
    "Lemma C.7", "bound of the proof",
    sentence="The value stays above sigma sqrt((2 P - sqrt(D) sigma^2 R) / (2 sqrt(D) |E Lambda^2|_op)).",
    form=f"Largest ratio of that bound, and of the library's, to the smallest value: {PATHS}",
    kind="numerical",
)  # fmt: skip
def bound_of_the_proof():
    """The bound as proved beside the smallest value of each flow."""
    def ratio(path):
        library = flow.random_value_bound(path.theta, path.laws, N_CONTEXT, scale=path.scale)
        return max(path.least_value(path.largest), library) / path.found.value.values.min()

    return Outcome(Check("largest ratio of the bound to the smallest value", worst(map(ratio, paths())), 1))


@LEDGER.claim(
    "Lemma C.8", "gradient dominates the excess loss",
    sentence="Along the flow the squared gradient is at least nu times the excess loss, with nu of (C.13).",
    form=f"Largest ratio of nu, and of the library's, times the excess loss to the squared gradient: {PATHS}",
    kind="numerical",
)  # fmt: skip
def gradient_dominates():
    """The inequality (C.14) along each flow."""
    def ratio(path):
        slopes = [flow.gradient(path.landscape, flow.state_at(path.found, place)) for place in range(path.found.sizes["time"])]
        squares = np.array([np.sum(slope.key_query**2) + slope.value**2 for slope in slopes])
        return (rate(path) * path.found.excess_loss.values / squares).max()

    return Outcome(Check("largest ratio of the bound to the squared gradient", worst(map(ratio, paths())), 1))


@LEDGER.claim(
    "Lemma C.8", "decay of the loss",
    sentence="The excess loss falls at least as fast as exp(-nu t).",
    form="Largest ratio of the bound's rate nu to the average rate at which the logarithm of the excess loss has fallen since the start,"
         f" over all times: {PATHS}",
    kind="numerical",
)  # fmt: skip
def decay_of_the_loss():
    """The rate of each flow beside its bound."""
    return Outcome(Check("largest ratio of the bound to the rate", worst(promised_share(path.found, rate(path)) for path in paths()), 1))


def rate(path) -> float:
    """The larger of nu, written out, and the library's."""
    library = flow.random_loss_rate_bound(path.theta, path.laws, N_CONTEXT, scale=path.scale)
    return max(library, path.landscape.curvature.min() * path.least_value(path.largest) ** 2)
