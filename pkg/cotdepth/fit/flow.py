"""Training of linear self-attention to answer queries, by gradient descent on all entries of both matrices (gradient-flow paper).

The paper's theorem is about gradient flow from one family of starts; here steps have a size, the loss may be that of a sample of
prompts (`cotdepth.fit.flow_losses`), and the start is anything. `with_flow_distance` says how far a run is from the flow.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.checks import count_argument, positive_argument
from cotdepth.theory.flow_dynamics import integrate
from cotdepth.theory.flow_landscape import Landscape, State
from cotdepth.theory.flow_model import relevant_entries
from cotdepth.theory.flow_population import labelled_entries
from cotdepth.theory.population import matrix_argument

MEMORY = (0.9, 0.999)  # of Adam, for the mean gradient and the mean square
FLOOR = 1e-8  # what Adam adds to the root of the mean square


class Matrices(NamedTuple):
    """All parameters of the layer, or a gradient with respect to them."""

    key_query: np.ndarray  # (D + 1, D + 1), W_KQ
    projection_value: np.ndarray  # (D + 1, D + 1), W_PV


# --- starts -------------------------------------------------------------------------------------------------------


def embedded(state: State) -> Matrices:
    """Matrices with a state's two blocks, and 0 elsewhere: from `balanced_start`, the paper's start, eq. (3.10)."""
    block = matrix_argument("key_query", state.key_query, len(state.key_query))
    key_query, projection_value = np.zeros((2, len(block) + 1, len(block) + 1))
    key_query[:-1, :-1], projection_value[-1, -1] = block, state.value
    return Matrices(key_query, projection_value)


def random_matrices(dim: int, *, scale: float, rng: np.random.Generator) -> Matrices:
    """All entries of both matrices independent, ``N(0, scale^2)``: a start that the paper leaves open."""
    width = count_argument("dim", dim) + 1
    return Matrices(*positive_argument("scale", scale) * rng.standard_normal((2, width, width)))


# --- training -----------------------------------------------------------------------------------------------------


def descend(loss, start: Matrices, *, step_size: float, steps: int, every: int = 1) -> xr.Dataset:
    """Gradient descent with a fixed step size.

    Parameters
    ----------
    loss : callable
        From `Matrices` to its value and its gradient, as in `cotdepth.fit.flow_losses`. One that draws new prompts at every
        call makes this stochastic gradient descent.
    start : Matrices
    step_size : float
        Positive and finite; `cotdepth.theory.flow.descent_limit` is the largest that can settle at a minimum.
    steps : int
        Number of steps.
    every : int
        Steps from one recorded state to the next; `steps` is a multiple.

    Returns
    -------
    xr.Dataset
        `entries` (time, row, col), those that predictions depend on (`cotdepth.theory.flow.relevant_entries`), `loss` and
        `outside` over `time`, the number of steps times their size.

    Raises
    ------
    ValueError
        If an argument is out of range.
    FloatingPointError
        If descent diverges.
    """
    step_size, steps, every = positive_argument("step_size", step_size), count_argument("steps", steps), count_argument("every", every)
    if steps % every:
        raise ValueError(f"every = {every}: must divide steps = {steps}")
    current, path, losses = start, [], []
    for step in range(steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # said below
            value, gradient = loss(current)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise FloatingPointError(f"step_size = {step_size:g}: descent diverged within {step} steps")
        if step % every == 0:
            path.append(relevant_entries(*current))
            losses.append(value)
        current = Matrices(*(matrix - step_size * slope for matrix, slope in zip(current, gradient)))
    return labelled_entries(np.array(path), losses, step_size * every * np.arange(len(path)), title="Gradient descent in all parameters")


def adam(loss, start: Matrices, *, learning_rate: float, steps: int) -> Matrices:
    """Where Adam ends after a number of steps, with its usual settings and a learning rate that falls linearly to 0.

    Its path is not the flow's, nor does it conserve what the flow conserves: compare the product of value and block only.
    Arguments as in `descend`. Raises ValueError if one is out of range.
    """
    learning_rate, steps = positive_argument("learning_rate", learning_rate), count_argument("steps", steps)
    current, mean, square = (np.array(each, dtype=float) for each in (start, np.zeros_like(start), np.zeros_like(start)))
    for step in range(1, steps + 1):
        gradient = np.array(loss(Matrices(*current))[1])
        mean += (1 - MEMORY[0]) * (gradient - mean)
        square += (1 - MEMORY[1]) * (gradient**2 - square)
        rate = learning_rate * (1 - (step - 1) / steps)
        current -= rate * mean / (1 - MEMORY[0] ** step) / (np.sqrt(square / (1 - MEMORY[1] ** step)) + FLOOR)
    return Matrices(*current)


# --- against the flow ---------------------------------------------------------------------------------------------


def with_flow_distance(run: xr.Dataset, landscape: Landscape) -> xr.Dataset:
    """A run with its distance from gradient flow on the population loss, started where the run starts.

    Parameters
    ----------
    run : xr.Dataset
        As from `descend`, with ``outside = 0`` at its start, as the paper's.
    landscape : Landscape
        Of the training prompts, as from `cotdepth.theory.flow.fixed_landscape`.

    Returns
    -------
    xr.Dataset
        The run with `key_query_distance` (Frobenius norm, of ``U_11``) and `value_distance` over `time`.

    Raises
    ------
    ValueError
        If the run starts elsewhere, where the reduced flow does not hold: `cotdepth.theory.flow.full_flow` does.
    """
    if run["outside"].values[0] != 0:
        raise ValueError(f"run starts with blocks u_12, u_21 of norm {run['outside'].values[0]:.3g}: must be 0 for the reduced flow")
    entries, times = run["entries"].values, run["time"].values
    path = integrate(landscape, State(entries[0, :-1, :-1], entries[0, -1, -1]), times)
    block = np.linalg.norm(entries[:, :-1, :-1] - path["key_query"].values, axis=(1, 2))
    value = np.abs(entries[:, -1, -1] - path["value"].values)
    return run.assign(
        key_query_distance=("time", block, {"long_name": "distance of the block U_11 from the flow's", "units": "1"}),
        value_distance=("time", value, {"long_name": "distance of the value u_-1 from the flow's", "units": "1"}),
    )
