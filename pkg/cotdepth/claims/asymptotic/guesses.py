"""Claims about first guesses in training, by simulation of the simplified layer (asymptotic paper, sections 3 and 6, appendix I)."""

from functools import cache

import numpy as np
import xarray as xr

from cotdepth.claims.claim import Check, Ledger, Outcome, z_limit
from cotdepth.comparison import extrapolate
from cotdepth.theory import asymptotic, trained_attention

LEDGER = Ledger("asymptotic")
DIMS, POOLS = (12, 16, 24, 32), 60
ALPHA = 2.0
FALSE_ALARM = 1e-4


def fitted(weights, grams, guesses):
    """The update matrix that training finds from ``e = w - w_0``: one guess for each task, or averaged over guesses of variance 1."""
    if guesses == "fixed":
        statistics = np.einsum("mij,mj->mi", grams, weights)
        return weights.T @ statistics @ np.linalg.inv(statistics.T @ statistics)
    shown = np.einsum("mij,mj->mi", grams, weights)                # E e e^T = I + w w^T
    mixed, second = grams.sum(0) + weights.T @ shown, np.einsum("mij,mjk->ik", grams, grams) + shown.T @ shown
    return mixed @ np.linalg.inv(second)


def first_error(dim, task_ratio, guesses, rng):
    """Mean error after one step from the guess 0, over test prompts exactly, of one pool: ``E S = I``, ``E S^2 = (1 + (D+1)/L) I``."""
    length, count = round(ALPHA * dim), round(task_ratio * dim)
    features, weights = rng.standard_normal((count, length, dim)), rng.standard_normal((count, dim))
    update = fitted(weights, features.transpose(0, 2, 1) @ features / length, guesses)
    return 1 - 2 * np.trace(update) / dim + (1 + (dim + 1) / length) * np.sum(update**2) / dim


@cache
def limit(task_ratio, guesses):
    """Error after one step, extrapolated to infinite dimension from pools of several dimensions, and its standard error."""
    rng = np.random.default_rng(5)
    errors = np.array([[first_error(dim, task_ratio, guesses, rng) for _ in range(POOLS)] for dim in DIMS])
    dims = {"dim": list(DIMS)}
    mean, error = (xr.DataArray(values, coords=dims) for values in (errors.mean(1), errors.std(1, ddof=1) / np.sqrt(POOLS)))
    return tuple(extrapolate(mean, error).values.tolist())


def score(task_ratio, guesses, of_theory) -> float:
    """Standardised difference of the simulation from the theory at another task ratio."""
    value, error = limit(task_ratio, guesses)
    return abs(value - asymptotic.error_curve(ALPHA, of_theory, depth=1).sel(k=1).item()) / error


SIZES = f"simulated at D = {', '.join(map(str, DIMS))} ({POOLS} pools each) and extrapolated to infinite D"
SET_UP = f"Error after one step of the simplified layer, trained at alpha = {ALPHA:g} and M / D = 2 and averaged over guesses, {SIZES}"


@LEDGER.claim(
    "Result 4", "simulation of one step",
    sentence="The formula is the limit of the error of the fitted layer.",
    form=f"Error after one step at alpha = {ALPHA:g}, tau = 4, no noise, guesses fixed for each task, {SIZES}, beside the library's"
         f" curve, in standard errors; false alarm {FALSE_ALARM:g}",
    kind="statistical",
)  # fmt: skip
def one_step():
    """Training on written-out prompts beside the theory."""
    return Outcome(Check("|z|", score(4.0, "fixed", 4.0), z_limit(FALSE_ALARM)))


@LEDGER.claim(
    "Section 6", "fresh guesses at their number of tasks",
    sentence="Experiments that draw a new first guess in every minibatch are those of the theory at their number of tasks a dimension,"
         " M / D.",
    form=f"{SET_UP}, beside the theory at tau = 2, in standard errors; false alarm {FALSE_ALARM:g}",
    kind="statistical",
    standing="reading",
)  # fmt: skip
def fresh_at_number():
    """Simulation beside the theory at M / D."""
    return Outcome(Check("|z| at tau = M / D", score(2.0, "fresh", 2.0), z_limit(FALSE_ALARM)))


@LEDGER.claim(
    "Section 6", "fresh guesses as infinitely many tasks",
    sentence="New first guesses in every minibatch amount to infinitely many tasks, for they augment the data.",
    form=f"{SET_UP}, beside the theory at tau = infinity, in standard errors; false alarm {FALSE_ALARM:g}",
    kind="statistical",
    standing="reading",
)  # fmt: skip
def fresh_as_infinite():
    """Simulation beside the population optimum."""
    return Outcome(Check("|z| at tau = infinity", score(2.0, "fresh", np.inf), z_limit(FALSE_ALARM)))


@LEDGER.claim(
    "Section 6", "fresh guesses at an effective number of tasks",
    sentence="Which theory holds where every minibatch draws new first guesses: that of tau = 1 + (M/D) / <s' / (1 + s')^2>, for each"
         " task keeps its w while guesses change.",
    form=f"{SET_UP}, beside the theory at the library's effective task ratio, in standard errors; false alarm {FALSE_ALARM:g}",
    kind="statistical",
    standing="open",
)  # fmt: skip
def fresh_effective():
    """Simulation beside the theory at the effective ratio."""
    found = score(2.0, "fresh", trained_attention.effective_task_ratio(2.0))
    return Outcome(Check("|z| at the effective ratio", found, z_limit(FALSE_ALARM)))
