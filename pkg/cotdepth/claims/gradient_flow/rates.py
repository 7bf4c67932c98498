"""Claims about the path of gradient flow and its rate (gradient-flow paper, section 5.3 and appendix A.4)."""

from functools import cache
from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst
from cotdepth.claims.gradient_flow.landscape import paper_gamma
from cotdepth.covariance import Covariance, haar
from cotdepth.theory import flow

LEDGER = Ledger("gradient-flow")
TURNED = haar(Covariance([1.0, 0.5, 0.25]), rng=np.random.default_rng(21))
PROBLEMS = ((TURNED.matrix, 8), (np.eye(4), 20), (np.diag([4.0, 2.0, 1.0, 0.1]), 3))
SCALES = (0.1, 0.5, 0.95)  # of the largest
PATHS = (
    "flows of three covariances (eigenvalues 1, 0.5, 0.25 in a random basis, N = 8; four equal, N = 20; 4, 2, 1, 0.1, N = 3) from random"
    " Theta at 0.1, 0.5 and 0.95 of the largest scale, 200 times up to 12 final decay times"
)


class Path(NamedTuple):
    """A flow from a start of the paper."""

    covariance: np.ndarray
    n_context: int
    theta: np.ndarray  # |Theta Theta^T|_F = 1
    scale: float
    found: xr.Dataset  # as `flow.integrate` has it

    @property
    def margin(self) -> float:
        """``|Lambda Theta|_F^2 (2 - sqrt(D) sigma^2 |Gamma|_op)``, twice what the loss is below 0 at the start, over ``sigma^2``."""
        gamma = np.linalg.norm(paper_gamma(self.covariance, self.n_context), 2)
        pulled = np.linalg.norm(self.covariance @ self.theta) ** 2
        return pulled * (2 - np.sqrt(len(self.theta)) * self.scale**2 * gamma)

    @property
    def least_value(self) -> float:
        """The bound (A.14), written out."""
        return self.scale * np.sqrt(self.margin / (2 * np.sqrt(len(self.theta)))) / np.linalg.norm(self.covariance, 2)

    @property
    def rate(self) -> float:
        """The rate mu of (5.7), written out."""
        inverse, gamma = np.linalg.inv(self.covariance), paper_gamma(self.covariance, self.n_context)
        traces = np.trace(np.linalg.inv(gamma) @ inverse) * np.trace(inverse)
        return self.scale**2 * self.margin / (np.sqrt(len(self.theta)) * np.linalg.norm(self.covariance, 2) ** 2 * traces)


@cache
def paths() -> tuple[Path, ...]:
    """Flows from starts of which the paper's proof holds."""
    rng = np.random.default_rng(22)
    return tuple(_path(covariance, n, rng.standard_normal(covariance.shape), part) for covariance, n in PROBLEMS for part in SCALES)


def _path(covariance, n, theta, part):
    theta = theta / np.sqrt(np.linalg.norm(theta @ theta.T))
    scale = part * np.sqrt(2 / (np.sqrt(len(theta)) * np.linalg.norm(paper_gamma(covariance, n), 2)))
    landscape = flow.fixed_landscape(covariance, n)
    times = np.linspace(0, 12 / flow.convergence_rate(landscape, flow.balanced_limit(landscape)), 200)
    return Path(covariance, n, theta, scale, flow.integrate(landscape, flow.balanced_start(theta, scale=scale), times))


@LEDGER.claim(
    "Lemma A.3", "balance",
    sentence="Along the flow the square of the value equals the squared Frobenius norm of the block.",
    form=f"Largest |u^2 - |U|_F^2| over the largest u^2, at most 1e-9: {PATHS}",
    kind="numerical",
)  # fmt: skip
def balance():
    """What the flow conserves, from the path's own states."""
    return balanced(paths())


def balanced(paths) -> Outcome:
    """Whether flows keep ``u^2 = |U|_F^2``."""
    def drift(path):
        squares = np.sum(path.found.key_query.values**2, axis=(1, 2))
        return np.abs(path.found.value.values**2 - squares).max() / path.found.value.values.max() ** 2

    return Outcome(Check("largest relative imbalance", worst(map(drift, paths)), 1e-9))


@LEDGER.claim(
    "Lemma A.4", "positive value",
    sentence="From a start below the largest scale the value stays positive.",
    form=f"Minus the smallest value over that of the start: {PATHS}",
    kind="numerical",
)  # fmt: skip
def positive_value():
    """The smallest value of each flow."""
    return positive(paths())


def positive(paths) -> Outcome:
    """Whether the value of flows stays positive."""
    smallest = (path.found.value.values.min() / path.scale for path in paths)
    return Outcome(Check("minus the smallest value over the start's", worst(-each for each in smallest), 0))


@LEDGER.claim(
    "Lemma A.4", "direction of the loss",
    sentence="Along the flow the loss is non-decreasing.",
    form="Largest fall of the loss from one time to the next, relative to the minimum, beyond rounding of 1e-9; corrected: largest rise:"
         f" {PATHS}",
    kind="numerical",
    erratum="The loss is non-increasing, as the display that follows says.",
)  # fmt: skip
def direction_of_the_loss():
    """Changes of the loss along each flow."""
    changes = [np.diff(path.found.loss.values) / np.abs(path.found.loss.values[-1]) for path in paths()]
    return Outcome(Check("largest fall", worst(-change.min() for change in changes), 1e-9),
                   Check("largest rise", worst(change.max() for change in changes), 1e-9))  # fmt: skip


@LEDGER.claim(
    "Lemma A.5", "lower bound on the value",
    sentence="The value stays above sigma |Lambda Theta|_F sqrt((2 - sqrt(D) sigma^2 |Gamma|_op) / (2 sqrt(D))) / |Lambda|_op.",
    form=f"Largest ratio of that bound, and of the library's, to the smallest value: {PATHS}",
    kind="numerical",
)  # fmt: skip
def value_bound():
    """The bound beside the smallest value of each flow."""
    def ratio(path):
        library = flow.value_bound(path.theta, path.covariance, path.n_context, scale=path.scale)
        return max(path.least_value, library) / path.found.value.values.min()

    return Outcome(Check("largest ratio of the bound to the smallest value", worst(map(ratio, paths())), 1))


@LEDGER.claim(
    "Lemma 5.4", "gradient dominates the excess loss",
    sentence="Along the flow the squared gradient is at least mu times the excess loss, with mu of (5.7).",
    form=f"Largest ratio of mu, and of the library's, times the excess loss to the squared gradient: {PATHS}",
    kind="numerical",
)  # fmt: skip
def gradient_dominates():
    """The inequality (5.8) along each flow."""
    def ratio(path):
        landscape = flow.fixed_landscape(path.covariance, path.n_context)
        slopes = [flow.gradient(landscape, flow.state_at(path.found, place)) for place in range(path.found.sizes["time"])]
        squares = np.array([np.sum(slope.key_query**2) + slope.value**2 for slope in slopes])
        rate = max(path.rate, flow.loss_rate_bound(path.theta, path.covariance, path.n_context, scale=path.scale))
        return (rate * path.found.excess_loss.values / squares).max()

    return Outcome(Check("largest ratio of the bound to the squared gradient", worst(map(ratio, paths())), 1))


@LEDGER.claim(
    "Lemma 5.4", "decay of the loss",
    sentence="The excess loss falls at least as fast as exp(-mu t).",
    form="Largest ratio of the bound's rate mu to the average rate at which the logarithm of the excess loss has fallen since the start,"
         f" over all times: {PATHS}",
    kind="numerical",
)  # fmt: skip
def decay_of_the_loss():
    """The rate of each flow beside its bound."""
    return Outcome(Check("largest ratio of the bound to the rate", worst(promised_share(path.found, path.rate) for path in paths()), 1))


def promised_share(found, rate) -> float:
    """A bound on the rate over the slowest average rate of a flow since its start; infinite where the loss has not fallen."""
    excess = found.excess_loss.isel(time=slice(1, None)) / found.excess_loss.isel(time=0)
    slowest = float((-np.log(excess) / excess.time).min(skipna=False))
    return np.inf if slowest <= 0 else rate / slowest


@LEDGER.claim(
    "Lemma 5.4", "limit",
    sentence="Value and block converge to |Gamma^-1|_F^(1/2) and |Gamma^-1|_F^(-1/2) Gamma^-1.",
    form="Largest distance from that limit at the end over the norm of the limit, at most 1e-3, twelve final decay times being exp(-12) ="
         f" 6e-6, and that of the library's limit, at most {1e-12:g}: {PATHS}",
    kind="numerical",
)  # fmt: skip
def limit():
    """Where each flow is at its last time, and the library's limit."""
    ends = [distances_from_limit(path) for path in paths()]
    library = worst(gap for _, gap in ends)
    if not library <= 1e-12:
        return Outcome(Check("largest relative distance of the library's limit", library, 1e-12))
    return Outcome(Check("largest relative distance at the end", worst(gap for gap, _ in ends), 1e-3))


def distances_from_limit(path) -> tuple[float, float]:
    """Of the flow's last state and of the library's limit from the printed limit, relative."""
    inverse = np.linalg.inv(paper_gamma(path.covariance, path.n_context))
    size = np.sqrt(np.linalg.norm(inverse))
    states = flow.state_at(path.found, -1), flow.balanced_limit(flow.fixed_landscape(path.covariance, path.n_context))
    last, library = (max(np.linalg.norm(block - inverse / size), abs(value - size)) / size for block, value in states)
    return float(last), float(library)


# --- as the experiment has it -------------------------------------------------------------------------------------


@LEDGER.claim(
    "Theorem 4.1", "experiment",
    sentence="Gradient flow ends at the global minimum, for fixed covariances and for random ones.",
    form="Largest excess loss at the last time over that of the start, over all covariances and starts of the experiment, over exp(-t):"
         " the excess falls as exp(-2 t) in the end, t in final decay times",
    kind="numerical",
)  # fmt: skip
def experiment(flow):
    """The last excess loss of every path, over half the final rate's."""
    duration = float(flow.time.max())
    if duration < 10:
        raise NotRun(f"needs flows of at least 10 final decay times, has {duration:g}")
    left = (flow.excess_loss.isel(time=-1) / flow.excess_loss.isel(time=0)).values.ravel()
    return Outcome(Check("largest fraction of the excess loss that is left, over exp(-t)", worst(left) * np.exp(duration), 1))


@LEDGER.claim(
    "Lemma 5.4", "decay in the experiment",
    sentence="The excess loss falls at least as fast as the paper's rates guarantee, (5.8) and (C.14).",
    form="Largest ratio of the logarithms of the falls of the bound and of the excess loss since the start, over all covariances, starts"
         " and times of the experiment",
    kind="numerical",
)  # fmt: skip
def experiment_decay(flow):
    """Falls of the excess losses of the artifact beside those of their bounds."""
    start, later = flow.excess_loss.isel(time=0), flow.isel(time=slice(1, None))
    fallen, promised = np.log(start / later.excess_loss), np.log(start / later.excess_bound)
    shares = (promised / fallen).where(~(fallen <= 0), np.inf).values.ravel()
    return Outcome(Check("largest ratio of the bound's fall to the loss's, in logarithms", worst(shares), 1))


@LEDGER.claim(
    "Lemma A.3", "balance in the experiment",
    sentence="Along the flow the square of the value equals the squared Frobenius norm of the block.",
    form="Largest |u^2 - |U|_F^2| over the square of the limit of the value, over all covariances and starts, at most 1e-9",
    kind="numerical",
)  # fmt: skip
def experiment_balance(flow):
    """What the artifact's flows conserve."""
    ratios = (flow.conserved_largest / flow.value_limit**2).values.ravel()
    return Outcome(Check("largest relative imbalance", worst(ratios), 1e-9))
