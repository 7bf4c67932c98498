"""Errors of the reduced model: roll a fitted matrix out on fresh prompts."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from cotdepth.models.reduced import reduced_step
from cotdepth.revealed import RevealedPrompts
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


def label_errors(errors: list[np.ndarray], recipe: xr.Dataset) -> xr.DataArray:
    """Errors of the pools of a cell, each (depth + 1, n_prompts), on labelled axes (seed, k, prompt)."""
    coords = {name: recipe.coords[name] for name in ("seed", "dim", "alpha", "tau", "sigma")}
    return xr.DataArray(np.stack(errors), dims=("seed", "k", "prompt"), coords=coords)


def _batch_errors(matrix, n_context, depth, rngs):
    weights = np.stack([rng.standard_normal(len(matrix)) for rng in rngs])
    prompts = RevealedPrompts(n_context, weights, rngs, depth)
    return error_per_dimension(rollout(reduced_step, matrix, prompts, np.zeros_like(weights), depth), weights)
