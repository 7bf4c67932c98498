"""Errors over test tasks: roll a fitted model out on fresh prompts and summarise."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from cotdepth.models.reduced import reduced_step
from cotdepth.prompts import RevealedPrompts
from cotdepth.rollout import error_per_dimension, rollout
from cotdepth.streams import stream

BATCH = 16   # prompts rolled out together: few enough that their revealed rows stay in cache


def evaluate_reduced(matrix: np.ndarray, *, n_context: int, depth: int, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Errors of the reduced model on fresh noiseless prompts, one for each random stream; initial guess 0.

    Parameters
    ----------
    matrix : (dim, dim) array
        The fitted matrix ``A``.
    n_context : int
        Examples in each prompt.
    depth : int
        Number of steps.
    rngs : sequence of numpy.random.Generator
        Each draws one task and its prompt.

    Returns
    -------
    (depth + 1, n_prompts) array
        ``|w - w_k|^2 / dim`` of each prompt.
    """
    batches = [rngs[start : start + BATCH] for start in range(0, len(rngs), BATCH)]
    return np.concatenate([_batch_errors(matrix, n_context, depth, batch) for batch in batches], axis=1)


def prompt_streams(recipe: xr.Dataset, seed: int, n_test: int) -> list[np.random.Generator]:
    """The random streams of the test prompts of one pool; more prompts leave the first ones as they were."""
    names = {"cell": recipe.attrs["stream"], "seed": seed}
    return [stream(recipe.attrs["experiment_seed"], "test prompt", prompt=prompt, **names) for prompt in range(n_test)]


def _batch_errors(matrix, n_context, depth, rngs):
    weights = np.stack([rng.standard_normal(len(matrix)) for rng in rngs])
    prompts = RevealedPrompts(n_context, weights, rngs, depth)
    return error_per_dimension(rollout(reduced_step, matrix, prompts, np.zeros_like(weights), depth), weights)


def summarise(errors: list[np.ndarray], quantiles: Sequence[float], recipe: xr.Dataset) -> xr.Dataset:
    """Mean, median and quantiles over test tasks.

    Parameters
    ----------
    errors : list of (depth + 1, n_test) arrays
        Errors per dimension, for each pool of the recipe.
    quantiles : sequence of float
        Which quantiles to keep.
    recipe : xarray.Dataset
        Where the coordinates come from.

    Returns
    -------
    xarray.Dataset
        ``error_mean`` and ``error_median`` (seed, k), ``error_quantile`` (seed, quantile, k).
    """
    errors = np.stack(errors)
    found = {
        "error_mean": (("seed", "k"), errors.mean(-1), "mean over test tasks"),
        "error_median": (("seed", "k"), np.median(errors, -1), "median over test tasks"),
        "error_quantile": (("quantile", "seed", "k"), np.quantile(errors, quantiles, axis=-1), "quantile over test tasks"),
    }
    axes = {
        "k": ("k", np.arange(errors.shape[1]), {"long_name": "chain-of-thought depth", "units": "steps"}),
        "quantile": ("quantile", list(quantiles), {"long_name": "quantile over test tasks", "units": "1"}),
    }
    return xr.Dataset(
        {name: (dims, values, {"long_name": f"error |w - w_k|^2 / D, {about}", "units": "1"}) for name, (dims, values, about) in found.items()},
        coords=axes | {name: recipe.coords[name] for name in ("seed", "dim", "alpha", "tau", "sigma")},
        attrs={"title": "Error of the reduced model against depth, on fresh test prompts", "source": "asymptotic paper, figure 4"},
    )
