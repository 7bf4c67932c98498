"""Gradient flow from several starts of the paper, beside what the paper guarantees, on one time axis for every experiment."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.theory.flow_constants import loss_rate_bound, random_loss_rate_bound, random_scale_limit, scale_limit
from cotdepth.theory.flow_dynamics import balanced_limit, balanced_start, convergence_rate, descent_limit, integrate
from cotdepth.theory.flow_landscape import Landscape, State, fixed_landscape, random_landscape
from cotdepth.theory.flow_laws import diagonal_moments

TIME = {"long_name": "time of gradient flow", "units": "final decay times (variable time_unit)"}
START = {"long_name": "start, a random direction Theta", "units": "1"}


class Problem(NamedTuple):
    """Training prompts of one kind: their landscape, and the paper's constants as functions of the start."""

    landscape: Landscape
    largest_scale: Callable[[np.ndarray], float]  # of Theta
    guaranteed_rate: Callable  # of Theta and, by name, the scale

    @property
    def end(self) -> State:
        """Where the flow ends from every start of the paper."""
        return balanced_limit(self.landscape)

    @property
    def time_unit(self) -> float:
        """Time in which the distance from the end falls by a factor e in the end."""
        return 1 / convergence_rate(self.landscape, self.end)

    def start(self, theta, start_scale: float) -> State:
        """The paper's start at a part of the largest scale for which its proof holds."""
        return balanced_start(theta, scale=start_scale * self.largest_scale(theta))


def fixed_problem(covariance, n_context) -> Problem:
    """Prompts of one covariance; arguments as in `cotdepth.theory.flow_landscape.fixed_landscape`."""
    return Problem(
        fixed_landscape(covariance, n_context),
        lambda theta: scale_limit(covariance, n_context),
        partial(loss_rate_bound, covariance=covariance, n_context=n_context),
    )


def random_problem(laws, n_context) -> Problem:
    """Prompts with a diagonal covariance each; arguments as in `cotdepth.theory.flow_constants.random_scale_limit`."""
    return Problem(
        random_landscape(diagonal_moments(laws), n_context),
        partial(random_scale_limit, laws=laws, n_context=n_context),
        partial(random_loss_rate_bound, laws=laws, n_context=n_context),
    )


def summarise_flow(problem: Problem, directions, *, start_scale: float, duration: float, records: int) -> xr.Dataset:
    """Paths of the flow, their limit, and the paper's bound on the loss.

    Parameters
    ----------
    problem : Problem
    directions : (S, D, D) array
        ``Theta`` of each start.
    start_scale : float
        Scale of the starts over the largest for which the paper's proof holds, between 0 and 1.
    duration : float
        Until when, in units of `Problem.time_unit`, which makes slow and fast problems alike.
    records : int
        Times after the start.

    Returns
    -------
    xarray.Dataset
        `key_query`, `value`, `loss`, `excess_loss` and `conserved` on (seed, time), as `cotdepth.theory.flow_dynamics.integrate` has
        them; `excess_bound`, the initial excess falling at the paper's rate, and `guaranteed_rate` (seed); their limits
        `value_limit` and `key_query_limit`; `time_unit` and `step_limit`, the largest step size of descent that settles there. Over
        starts, `excess_median` and `bound_median`, of the excess over that of the start, and `rate_fraction_median`; over time,
        `conserved_largest`.
    """
    relative = np.linspace(0, duration, records + 1)
    paths = [integrate(problem.landscape, problem.start(theta, start_scale), relative * problem.time_unit) for theta in directions]
    joined = xr.concat(paths, xr.DataArray(np.arange(len(paths)), dims="seed", name="seed", attrs=START), combine_attrs="override")
    joined = joined.assign_coords(time=("time", relative, TIME))
    scales = [start_scale * problem.largest_scale(theta) for theta in directions]
    rates = np.array([problem.guaranteed_rate(theta, scale=scale) for theta, scale in zip(directions, scales)])
    falls = np.exp(-rates[:, None] * problem.time_unit * relative)
    excess = joined.excess_loss.values
    return joined.assign(_labelled({
        "excess_bound": (("seed", "time"), excess[:, :1] * falls, "excess loss at the rate that the paper guarantees"),
        "guaranteed_rate": ("seed", rates, "rate at which the excess loss falls at least"),
        "excess_median": ("time", np.median(excess / excess[:, :1], axis=0), "median over starts of the excess loss over its first"),
        "bound_median": ("time", np.median(falls, axis=0), "median over starts of its bound over its first"),
        "rate_fraction_median": ((), np.median(rates) * problem.time_unit / 2, "median guaranteed rate over that in the end"),
        "conserved_largest": ("seed", np.abs(joined.conserved.values).max(axis=1), "largest over time of what the flow conserves at 0"),
        "start_value": ("seed", scales, "scale sigma of the start"),
        "value_limit": ((), problem.end.value, "where the value ends"),
        "key_query_limit": (("row", "col"), problem.end.key_query, "where the block ends"),
        "time_unit": ((), problem.time_unit, "one over the rate at which the distance falls in the end"),
        "step_limit": ((), descent_limit(problem.landscape, problem.end), "largest step size of descent that settles"),
    }))  # fmt: skip


def _labelled(found):
    return {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()}
