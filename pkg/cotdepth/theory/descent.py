"""Gradient descent on the population loss, as the training-data paper's theorem 3.1 has it: does its step size converge?"""

import numpy as np
import xarray as xr

from cotdepth.checks import count_argument
from cotdepth.covariance import as_covariance
from cotdepth.theory import population


def compare_step_sizes(covariance, n_context, *, steps: int) -> xr.Dataset:
    """Descent from the block 0 with the step size that theorem 3.1 states and the one that its proof needs.

    Arguments as in `descend`. Its results gain a dimension ``step_size``, with the names "as proved" and "as printed", their
    ``step_length`` and, for both, the ``step_limit`` of convergence and the covariance's ``largest_eigenvalue``.
    """
    covariance = as_covariance(covariance)
    lengths = {"as proved": population.step_size(covariance, n_context), "as printed": population.printed_step_size(covariance, n_context)}
    start = np.zeros((covariance.dim, covariance.dim))
    runs = [descend(start, covariance, n_context, step_size=length, steps=steps) for length in lengths.values()]
    found = {
        "step_length": ("step_size", list(lengths.values()), "step size"),
        "step_limit": ((), population.step_size_limit(covariance, n_context), "step size above which descent diverges"),
        "largest_eigenvalue": ((), covariance.spectrum.max(), "largest eigenvalue of the features"),
    }
    rules = xr.DataArray(list(lengths), dims="step_size", attrs={"long_name": "rule for the step size", "units": "1"})
    joined = xr.concat(runs, dim=rules.rename("step_size"), combine_attrs="override")
    return joined.assign({name: (dims, value, {"long_name": about, "units": "1"}) for name, (dims, value, about) in found.items()})


def descend(start, covariance, n_context, *, step_size: float, steps: int, scale: float = 1.0) -> xr.Dataset:
    """How far the block ``V_31`` is from the optimum after each step of gradient descent with a fixed step size.

    Parameters
    ----------
    start : (D, D) array
        The block before the first step; 0 in the paper.
    covariance, n_context
        As in `cotdepth.theory.population.gamma`.
    step_size : float
        Positive and finite, for the loss as a total over coordinates; `cotdepth.theory.population` has the paper's, a safe
        one and the limit.
    steps : int
        Number of steps.
    scale : float
        The constant ``c``.

    Returns
    -------
    xr.Dataset
        `excess_loss`, the loss above its minimum, a total, and `distance`, ``|V - V*|_F / |V*|_F``, over `step` from 0 to
        `steps`; ``inf`` where descent has overflowed. Both look along features that the covariance has: others give no gradient.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, theorem 3.1. It converges if and only if the step size is below
    `cotdepth.theory.population.step_size_limit` (or the start is exact along the steepest direction).
    """
    if not 0 < step_size < np.inf:
        raise ValueError(f"step_size = {step_size}: must be positive and finite")
    covariance = as_covariance(covariance)
    seen = covariance.with_eigenvalues(covariance.spectrum > 0)                       # (D, D), projection on features
    optimum, second = population.optimal_block(covariance, n_context, scale=scale), population.second_moment(covariance, n_context)
    size = np.linalg.norm(optimum @ seen)
    measures = np.full((count_argument("steps", steps) + 1, 2), np.inf)
    block = population.matrix_argument("start", start, covariance.dim)
    with np.errstate(over="ignore", invalid="ignore"):
        for measure in measures:
            deviation = (block - optimum) @ seen
            measure[:] = scale**2 / 2 * np.sum((deviation @ second) * deviation), np.linalg.norm(deviation) / size
            block = block - step_size * population.population_gradient(block, covariance, n_context, scale=scale)
            if not np.isfinite(block).all():
                break
    return _labelled(np.where(np.isfinite(measures), measures, np.inf))


def _labelled(measures):
    """Measures (steps + 1, 2) with their names and units."""
    names = {"excess_loss": "loss above its minimum, total over coordinates", "distance": "relative distance to the optimal block"}
    return xr.Dataset(
        {name: ("step", values, {"long_name": text, "units": "1"}) for (name, text), values in zip(names.items(), measures.T)},
        coords={
            "step": ("step", np.arange(len(measures)), {"long_name": "steps of gradient descent", "units": "1"}),
        },
        attrs={"title": "Gradient descent on the population loss", "source": "training-data paper, theorem 3.1"},
    )
