"""Gradient flow from starts that the gradient-flow paper leaves open: all entries of both matrices random."""

import numpy as np
import xarray as xr

from cotdepth.covariance import as_covariance
from cotdepth.fit.flow import random_matrices
from cotdepth.streams import stream
from cotdepth.theory.flow_landscape import minimal_loss
from cotdepth.theory.flow_model import relevant_entries
from cotdepth.theory.flow_population import full_flow, full_gradient, full_loss, single_direction_point
from cotdepth.theory.flow_summary import Problem, fixed_problem

REACHED = 0.1  # of the least that any one direction adds to the loss: excess below which an end counts as the global minimum
SETTLED = 1e-4  # of the same: what the loss may still fall by in a final decay time where a flow has settled
EARLIEST = 1e-4  # of the duration: the first record after the start


def flow_from_random_starts(covariance, n_context: int, deviations, *, seeds: int, experiment_seed: int, cell: str, duration: float,
                            records: int, progress=iter) -> xr.Dataset:
    """Paths of the flow in all parameters, and which of them end at the global minimum.

    Parameters
    ----------
    covariance, n_context
        As in `cotdepth.theory.flow_population.full_loss`.
    deviations : list of float
        Standard deviations of all entries at the start, a dimension.
    seeds : int
        Starts for each deviation.
    experiment_seed, cell
        Name the random streams.
    duration : float
        Until when, in units of `cotdepth.theory.flow_summary.Problem.time_unit`.
    records : int
        Times after the start, evenly spaced in their logarithm.
    progress : callable
        Around the seeds.

    Returns
    -------
    xarray.Dataset
        `excess_loss`, over the loss of the answer 0, and `outside`, the norm of the blocks that the paper's start leaves at 0, on
        (start_deviation, seed, time); `reached` and `settled` (1 or 0) and `gradient_norm` at the end; fractions of starts that
        reached the global minimum (with a 95% interval), settled above it, and did not settle, on (start_deviation);
        `single_direction_excess` of the local minimum or saddle that answers along one direction.

    Notes
    -----
    A flow counts as at the global minimum where its excess loss is below a tenth of ``min_i lambda_i^2 / (2 gamma_i)``, what it costs
    not to answer along a direction. It has settled there, or where the square of its gradient, the rate at which the loss falls, is
    small; a saddle that holds a flow until the end looks settled.
    """
    covariance, problem = as_covariance(covariance), fixed_problem(covariance, n_context)
    relative = np.concatenate([[0], np.geomspace(EARLIEST, 1, records)]) * duration

    def path(deviation, seed):
        start = _start(covariance.dim, deviation, experiment_seed, cell, seed)
        return full_flow(start, covariance, n_context, relative * problem.time_unit)

    rows = [xr.concat([path(deviation, seed) for deviation in deviations], "start_deviation") for seed in progress(range(seeds))]
    found = _measured(xr.concat(rows, "seed"), covariance, n_context, problem)
    return _labelled(found, deviations, seeds, relative)


def _start(dim, deviation, experiment_seed, cell, seed):
    """Entries that predictions depend on; the same directions for every deviation."""
    rng = stream(experiment_seed, "random matrices", cell=cell, seed=seed)
    return relevant_entries(*random_matrices(dim, scale=deviation, rng=rng))


def _measured(joined, covariance, n_context, problem):
    """What is kept of the paths, in units of the loss of the answer 0: name -> (dimensions, values, what it is)."""
    dims, zero = ("start_deviation", "seed"), covariance.trace / 2
    best, joined = zero + minimal_loss(problem.landscape), joined.transpose("start_deviation", "seed", ...)
    excess = (joined.loss.values - best) / zero
    slopes = [[np.linalg.norm(full_gradient(entries, covariance, n_context)) for entries in row]
              for row in joined.entries.isel(time=-1).values]  # fmt: skip
    reached, settled = outcomes(excess[..., -1] * zero, np.array(slopes), problem)
    single = (full_loss(single_direction_point(covariance, n_context), covariance, n_context) - best) / zero
    low, high = _interval(reached.sum(axis=1), reached.shape[1])
    return {
        "excess_loss": ((*dims, "time"), excess, "loss above its minimum, over the loss of the answer 0"),
        "outside": ((*dims, "time"), joined.outside.values, "norm of the blocks u_12 and u_21"),
        "reached": (dims, reached, "1 where the flow ends at the global minimum"),
        "settled": (dims, settled, "1 where the flow settles, at the global minimum or above it"),
        "settled_above_fraction": (dims[:1], (settled - reached).mean(axis=1), "fraction of starts that settle above the global minimum"),
        "unsettled_fraction": (dims[:1], 1 - settled.mean(axis=1), "fraction of starts that have not settled in time"),
        "reached_fraction": (dims[:1], reached.mean(axis=1), "fraction of starts that end at the global minimum"),
        "reached_low": (dims[:1], low, "lower end of its 95% Wilson interval"),
        "reached_high": (dims[:1], high, "upper end of its 95% Wilson interval"),
        "gradient_norm": (dims, slopes, "norm of the gradient at the end"),
        "single_direction_excess": ((), single, "loss above its minimum where one direction answers, over the loss of the answer 0"),
    }


def outcomes(excess, slopes, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Which ends, by excess loss and gradient norm, are at the global minimum, and which have settled: 1 or 0."""
    pull, curvature = np.diag(problem.landscape.pull), np.diag(problem.landscape.curvature)
    least = np.min(pull**2 / curvature) / 2  # min lambda_i^2 / (2 gamma_i)
    reached = excess < REACHED * least
    return reached.astype(float), (reached | (slopes**2 * problem.time_unit < SETTLED * least)).astype(float)


def _interval(successes, count):
    """Wilson's 95% interval of a fraction, which is honest at 0 and at 1."""
    square = 1.96**2
    middle, width = successes + square / 2, 1.96 * np.sqrt(successes * (count - successes) / count + square / 4)
    return (middle - width) / (count + square), (middle + width) / (count + square)


def _labelled(found, deviations, seeds, relative):
    return xr.Dataset(
        {name: (where, values, {"long_name": about, "units": "1"}) for name, (where, values, about) in found.items()},
        coords={
            "start_deviation": ("start_deviation", deviations, {"long_name": "standard deviation of entries at the start", "units": "1"}),
            "seed": ("seed", np.arange(seeds), {"long_name": "start", "units": "1"}),
            "time": ("time", relative, {"long_name": "time of gradient flow", "units": "final decay times from the paper's start"}),
        },
        attrs={"title": "Gradient flow from random matrices", "source": "gradient-flow paper, eq. (3.9) and section 6 (open question)"},
    )
