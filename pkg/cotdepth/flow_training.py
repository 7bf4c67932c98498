"""Gradient descent and Adam on the population loss from the paper's starts, beside the flow."""

import numpy as np
import xarray as xr

from cotdepth.definitions import defined_spectrum
from cotdepth.fit.flow import Matrices, adam, descend, embedded, with_flow_distance
from cotdepth.fit.flow_losses import LandscapeLoss, PopulationLoss
from cotdepth.theory.flow_dynamics import conserved, descent_limit
from cotdepth.theory.flow_landscape import State, excess_loss
from cotdepth.theory.flow_model import relevant_entries
from cotdepth.theory.flow_summary import START, TIME, Problem

MOST_STEPS = 2_000_000  # of descent, one path: minutes


def train_from(problem: Problem, loss, directions, *, start_scale: float, duration: float, records: int, descent_step: float,
               halvings: int, learning_rate: float, steps: int) -> xr.Dataset:
    """Descent at several step sizes over the time of the flow, and where Adam ends.

    Parameters
    ----------
    problem, directions, start_scale, duration, records
        As in `cotdepth.theory.flow_summary.summarise_flow`, whose times these are.
    loss : callable
        Of all parameters, as in `cotdepth.fit.flow_losses`.
    descent_step : float
        Largest step size asked for, over the largest that settles. The one taken is smaller where the time between records is
        no multiple of it.
    halvings : int
        How often the step size is halved.
    learning_rate, steps
        Of Adam.

    Returns
    -------
    xarray.Dataset
        Distances from the flow over the norm of its limit, `excess_loss`, `conserved`, `value` and `diagonal` on (step, seed, time),
        where `step` counts halvings of the step size `step_taken` (step); `adam_excess_loss`, `adam_conserved` and `adam_value`
        (seed). Over time, `largest_distance` and `conserved_largest` (step, seed); over starts, `largest_distance_median`, its
        `_low` and `_high` (step), and `excess_median` (step, time), of the excess over that of the start.

    Raises
    ------
    ValueError
        If so many steps are needed that nobody waits for them.
    """
    starts = [embedded(problem.start(theta, start_scale)) for theta in directions]
    interval, limit = duration * problem.time_unit / records, descent_limit(problem.landscape, problem.end)
    coarsest = int(np.ceil(interval / (descent_step * limit)))
    most = coarsest * 2**halvings * records
    if most > MOST_STEPS:
        raise ValueError(f"descent: {most:.2g} steps; at most {MOST_STEPS:g}: give eigenvalues that differ less, fewer halvings "
                         "or a shorter duration")  # fmt: skip
    every = coarsest * 2 ** np.arange(halvings + 1)
    runs = [[_followed(problem, descend(loss, start, step_size=interval / each, steps=int(each) * records, every=int(each)))
             for start in starts] for each in every]
    found = xr.concat([xr.concat(row, "seed", combine_attrs="override") for row in runs], "step", combine_attrs="override")
    ends = [adam(loss, start, learning_rate=learning_rate, steps=steps) for start in starts]
    taken = ("step", interval / every / limit, {"long_name": "step size taken", "units": "largest that settles"})
    return found.assign(_over_paths(found) | _ends(problem, ends) | {"step_taken": taken}).assign_coords(
        time=("time", np.linspace(0, duration, records + 1), TIME),
        seed=("seed", np.arange(len(starts)), START),
        step=("step", np.arange(halvings + 1), {"long_name": "halvings of the step size", "units": "1"}),
    ).assign_attrs(title="Gradient descent and Adam beside gradient flow", source="gradient-flow paper, theorems 4.1 and 4.5")


def defined_loss(spec: dict, problem: Problem):
    """The population loss of a cell (`cotdepth.flow_problems.defined_problem`): in all entries where the covariance is fixed."""
    definition = spec["covariances"][spec["covariance"]]
    if "law" in definition:
        return LandscapeLoss(problem.landscape)
    return PopulationLoss(defined_spectrum(definition, spec["dim"]), spec["n_context"])


def _followed(problem, run):
    """A run with its distance from the flow, relative, and the measures that are drawn."""
    compared = with_flow_distance(run, problem.landscape)
    states = [_state(entries) for entries in run["entries"].values]
    measures = {
        "key_query_distance": (compared["key_query_distance"].values / np.linalg.norm(problem.end.key_query),
                               "distance of the block U_11 from the flow's, over the norm of its limit"),
        "value_distance": (compared["value_distance"].values / problem.end.value,
                           "distance of the value u_-1 from the flow's, over its limit"),
        "excess_loss": ([excess_loss(problem.landscape, state) for state in states], "population loss above its minimum"),
        "conserved": ([conserved(state) for state in states], "square of the value less that of the block"),
        "value": ([state.value for state in states], "bottom right entry of W_PV"),
    }
    made = {name: ("time", np.asarray(values), {"long_name": about, "units": "1"}) for name, (values, about) in measures.items()}
    made["diagonal"] = (("time", "feature"), [np.diag(state.key_query) for state in states],
                        {"long_name": "diagonal of the block U_11", "units": "1"})  # fmt: skip
    features = ("feature", np.arange(problem.landscape.dim), {"long_name": "eigenvector", "units": "1"})
    return xr.Dataset(made, coords={"feature": features})


def _over_paths(found):
    """Extremes over time, and medians and ranges over starts."""
    excess = found.excess_loss / found.excess_loss.isel(time=0)
    largest = found.key_query_distance.max("time")
    made = {
        "largest_distance": (largest, "largest distance of the block from the flow's over time, over the norm of its limit"),
        "largest_distance_median": (largest.median("seed"), "median over starts of the largest distance over time"),
        "largest_distance_low": (largest.min("seed"), "smallest over starts of the largest distance over time"),
        "largest_distance_high": (largest.max("seed"), "largest over starts of the largest distance over time"),
        "conserved_largest": (np.abs(found.conserved).max("time"), "largest over time of what the flow conserves at 0"),
        "excess_median": (excess.median("seed"), "median over starts of the excess loss over that of the start"),
    }
    return {name: (values.dims, values.values, {"long_name": about, "units": "1"}) for name, (values, about) in made.items()}


def _ends(problem, ends: list[Matrices]):
    """Where Adam ends, by seed."""
    states = [_state(relevant_entries(*end)) for end in ends]
    found = {
        "adam_excess_loss": ([excess_loss(problem.landscape, state) for state in states], "loss above its minimum where Adam ends"),
        "adam_conserved": ([conserved(state) for state in states], "square of the value less that of the block where Adam ends"),
        "adam_value": ([state.value for state in states], "value where Adam ends"),
    }
    return {name: ("seed", values, {"long_name": about, "units": "1"}) for name, (values, about) in found.items()}


def _state(entries):
    return State(entries[:-1, :-1], float(entries[-1, -1]))
