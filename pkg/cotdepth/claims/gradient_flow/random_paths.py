"""Claims about the path of gradient flow with random covariances and its rate (gradient-flow paper, theorem 4.5 and appendix C.3)."""

from functools import cache
from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.gradient_flow.rates import balanced, positive
from cotdepth.theory import flow

LEDGER = Ledger("gradient-flow")
N_CONTEXT = 6
LAWS = {
    "exponential": [flow.exponential_law()] * 3,
    "different": [flow.exponential_law(0.5), flow.uniform_law(0.5, 2.0), flow.lognormal_law(0.7, deviation=0.5)],
    "unequal": [flow.uniform_law(0.9, 1.1), flow.uniform_law(0.05, 0.1)],
}
SCALES = (0.1, 0.5, 0.95)  # of the largest
PATHS = (
    "flows with three laws (exponential entries, D = 3; exponential, uniform and lognormal ones; uniform on 0.9 to 1.1 and 0.05 to 0.1),"
    " N = 6, Theta random and along the smallest entry, at 0.1, 0.5 and 0.95 of the largest scale, 200 times up to 12 final decay times"
)


class Path(NamedTuple):
    """A flow from a start of the paper."""

    kind: str  # of laws
    theta: np.ndarray  # |Theta Theta^T|_F = 1
    scale: float
    landscape: flow.Landscape
    found: xr.Dataset  # as `flow.integrate` has it

    @property
    def laws(self) -> list:
        """Of the entries."""
        return LAWS[self.kind]

    @property
    def pulled(self) -> float:
        """``|E[Lambda] Theta|_F^2``."""
        return float(np.sum((moments(self.kind)[0][:, None] * self.theta) ** 2))

    @property
    def margin(self) -> float:
        """``2 |E[Lambda] Theta|_F^2 - sqrt(D) sigma^2 E[|Gamma|_op |Lambda|_F^2]``."""
        return 2 * self.pulled - np.sqrt(len(self.theta)) * self.scale**2 * resisted(self.kind)

    @property
    def largest(self) -> float:
        """``|E Lambda^2|_op``."""
        return float(moments(self.kind)[1].max())

    def least_value(self, largest) -> float:
        """The bound (C.12) with this norm in its denominator."""
        return self.scale * np.sqrt(self.margin / (2 * np.sqrt(len(self.theta)) * largest))


@cache
def moments(kind: str) -> np.ndarray:
    """First three moments of the entries, (3, D), by quadrature of the laws' densities."""
    return np.array([[law.expect(lambda x, power=power: x**power) for law in LAWS[kind]] for power in (1, 2, 3)])


@cache
def resisted(kind: str) -> float:
    """``E |Gamma|_op |Lambda|_F^2``."""
    return flow.mean_norm_product(LAWS[kind], N_CONTEXT)


@cache
def paths() -> tuple[Path, ...]:
    """Flows from starts of which the paper's proof holds."""
    rng, found = np.random.default_rng(51), []
    for kind, laws in LAWS.items():
        smallest = np.diag([float(place == np.argmin([law.mean() for law in laws])) for place in range(len(laws))])
        found += [_path(kind, theta, part) for theta in (rng.standard_normal((len(laws),) * 2), smallest) for part in SCALES]
    return tuple(found)


def _path(kind, theta, part):
    laws, theta = LAWS[kind], theta / np.sqrt(np.linalg.norm(theta @ theta.T))
    scale, landscape = part * flow.random_scale_limit(theta, laws, N_CONTEXT), flow.random_landscape(flow.diagonal_moments(laws), N_CONTEXT)
    times = np.linspace(0, 12 / flow.convergence_rate(landscape, flow.balanced_limit(landscape)), 200)
    return Path(kind, theta, scale, landscape, flow.integrate(landscape, flow.balanced_start(theta, scale=scale), times))


# --- where the flow ends ------------------------------------------------------------------------------------------


@LEDGER.claim(
    "Theorem 4.5", "limit of the flow",
    sentence="With random diagonal covariances the flow converges to u U = E[Gamma Lambda^2]^-1 E[Lambda^2], u the square root of its"
             " norm.",
    form="Largest distance from that limit at the end, over its norm, at most 1e-3, twelve final decay times being exp(-12) = 6e-6:"
         f" {PATHS}",
    kind="numerical",
)  # fmt: skip
def limit():
    """Where each flow is at its last time."""
    return Outcome(Check("largest relative distance at the end", worst(distance(path, *printed_end(path)) for path in paths()), 1e-3))


@LEDGER.claim(
    "Lemma C.8", "limit of the value",
    sentence="The value converges to (sum xi_i / gamma_i)^(1/4).",
    form="Largest relative difference of the value at the end, at most 1e-3; corrected: of the library's limit from the value at the end:"
         f" {PATHS}",
    kind="numerical",
    erratum="(sum xi_i^2 / gamma_i^2)^(1/4), as in (C.17): the squares are missing in (C.15).",
)  # fmt: skip
def limit_of_the_value():
    """The value at the end of each flow beside its limit, as printed and from the library."""
    def gaps(path):
        best, last = np.diag(printed_end(path)[0]), float(path.found.value[-1])
        return abs(best.sum() ** 0.25 / last - 1), abs(flow.balanced_limit(path.landscape).value / last - 1)

    printed, corrected = zip(*map(gaps, paths()))
    measure = "largest relative difference of the value"
    return Outcome(Check(measure, worst(printed), 1e-3), Check(measure, worst(corrected), 1e-3))


@LEDGER.claim(
    "Lemma C.8", "limit of the block",
    sentence="Entries of the block converge to (sum xi_i^2 / gamma_i^2)^(-1/4) xi_i / gamma_i on the diagonal and 0 off it.",
    form=f"Largest distance of the block from that at the end, over its norm, at most 1e-3: {PATHS}",
    kind="numerical",
)  # fmt: skip
def limit_of_the_block():
    """The block at the end of each flow."""
    def gap(path):
        best = printed_end(path)[0]
        expected = best * np.sum(np.diag(best) ** 2) ** -0.25
        return np.linalg.norm(path.found.key_query.values[-1] - expected) / np.linalg.norm(expected)

    return Outcome(Check("largest relative distance at the end", worst(map(gap, paths())), 1e-3))


def printed_end(path) -> tuple[np.ndarray, float]:
    """``E[Gamma Lambda^2]^-1 E[Lambda^2]`` from moments by quadrature, and the square root of its norm: (4.11)."""
    first, second, third = moments(path.kind)
    gamma = (1 + 2 / N_CONTEXT) * third + second * (first.sum() - first) / N_CONTEXT
    best = np.diag(second / gamma)
    return best, float(np.sqrt(np.linalg.norm(best)))


def distance(path, best, value) -> float:
    """Of the last state from the limit with this product and value, over the value."""
    last = flow.state_at(path.found, -1)
    return float(max(np.linalg.norm(last.key_query - best / value), abs(last.value - value)) / value)


# --- along the path -----------------------------------------------------------------------------------------------


@LEDGER.claim(
    "Lemma C.5", "balance",
    sentence="Along the flow the square of the value equals the squared Frobenius norm of the block.",
    form=f"Largest |u^2 - |U|_F^2| over the largest u^2, at most 1e-9: {PATHS}",
    kind="numerical",
)  # fmt: skip
def balance():
    """What the flow conserves, from the path's own states."""
    return balanced(paths())


@LEDGER.claim(
    "Lemma C.6", "positive value",
    sentence="From a start below the largest scale the value stays positive.",
    form=f"Minus the smallest value over that of the start: {PATHS}",
    kind="numerical",
)  # fmt: skip
def positive_value():
    """The smallest value of each flow."""
    return positive(paths())
