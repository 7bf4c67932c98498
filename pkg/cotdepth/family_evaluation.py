"""Errors of the reduced model fitted to task families: on fresh tasks, and on the training tasks in new prompts."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from cotdepth.families import TESTED_ON, Deployment
from cotdepth.models.reduced import reduced_step
from cotdepth.revealed import ColouredPrompts
from cotdepth.rollout import error_per_dimension, rollout
from cotdepth.streams import stream

BATCH = 16   # prompts rolled out together: few enough that their revealed rows stay in cache


def evaluate_tasks(matrix: np.ndarray, weights: np.ndarray, used: Deployment, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Errors per dimension, (depth + 1, n_prompts), of a fitted matrix on one prompt of each task; initial guess 0.

    Parameters
    ----------
    matrix : (D, D) array
        The fitted matrix ``A``.
    weights : (n_prompts, D) array
        The tasks.
    used : Deployment
        The law of the prompts, and the steps.
    rngs : sequence of numpy.random.Generator
        One for each prompt.
    """
    batches = [slice(start, start + BATCH) for start in range(0, len(rngs), BATCH)]
    return np.concatenate([_batch_errors(used.step_size * matrix, weights[batch], used, rngs[batch]) for batch in batches], axis=1)


def tasks_to_test(pool_weights: np.ndarray, streams: dict[str, Sequence[np.random.Generator]]) -> dict[str, np.ndarray]:
    """The tasks of one prompt for each stream, by `TESTED_ON`: fresh ones ``w ~ N(0, I)``, and any of the pool."""
    new, training = TESTED_ON
    fresh = np.stack([rng.standard_normal(pool_weights.shape[1]) for rng in streams[new]])
    return {new: fresh, training: pool_weights[[rng.integers(len(pool_weights)) for rng in streams[training]]]}


def prompt_streams(recipe: xr.Dataset, seed: int, n_test: int, tested_on: str) -> list[np.random.Generator]:
    """The random streams of the test prompts of one pool; more prompts leave the first ones as they were."""
    name = {"cell": recipe.attrs["stream"], "seed": seed}
    return [stream(recipe.attrs["experiment_seed"], f"test prompt of {tested_on}", prompt=prompt, **name) for prompt in range(n_test)]


def label_errors(errors: np.ndarray, recipe: xr.Dataset) -> xr.DataArray:
    """Errors (seed, tested_on, k, prompt) of the pools of a cell on labelled axes."""
    tested_on = ("tested_on", list(TESTED_ON), {"long_name": "whose tasks the test prompts have", "units": "1"})
    return xr.DataArray(errors, dims=("seed", "tested_on", "k", "prompt"), coords={"seed": recipe.seed, "tested_on": tested_on})


def _batch_errors(matrix, weights, used, rngs):
    prompts = ColouredPrompts(used.n_context, weights, rngs, used.depth, root=used.root, noise=used.noise)
    return error_per_dimension(rollout(reduced_step, matrix, prompts, np.zeros_like(weights), used.depth), weights)
