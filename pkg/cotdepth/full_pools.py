"""Pools of training prompts of fully trained attention, as recipes: those of softmax attention are too large to store."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.prompt_pools import law_covariance, prompt_law
from cotdepth.prompts import draw_prompts
from cotdepth.recipes import check_drawn, digest
from cotdepth.streams import stream
from cotdepth.written_prompts import write_prompts


@dataclass(frozen=True, eq=False)
class ShownPool:
    """Prompts as a model takes them.

    Attributes
    ----------
    weights : (n_prompts, D) array
        Task vectors ``w``.
    inputs : (n_prompts, D + 1, D + 1) or (n_prompts, n_context, D + 1) array
        Gram matrices ``[X; y][X; y]^T / n_context`` for linear attention, examples ``(x, y)`` for softmax.
    """

    weights: np.ndarray
    inputs: np.ndarray


def draw_shown(model: str, covariance: Covariance, n_context: int, n_prompts: int, *, noise: float, rng: np.random.Generator,
               dtype=np.float64) -> ShownPool:
    """Fresh prompts as a model takes them, Gram matrices always in float64; more of them leave the first ones as they were."""
    if model == "linear":
        prompts = draw_prompts(covariance, n_context, n_prompts, label_noise=noise, rng=rng)
        return ShownPool(prompts.weights, prompts.grams)
    written = write_prompts(covariance, n_context, n_prompts, label_noise=noise, rng=rng, dtype=dtype)
    return ShownPool(written.weights, written.examples)


def full_pools(covariance: Covariance, *, model: str, n_context: list[int], n_tasks: int, label_noise: float, experiment_seed: int,
               cell: str, seeds: int, progress: Callable) -> xr.Dataset:
    """The recipe of the prompt pools of one cell, one for each context length and seed.

    Parameters
    ----------
    covariance : Covariance
        Of the features.
    model : {"linear", "softmax"}
        What the prompts are for.
    n_context : list of int
        Examples in a prompt.
    n_tasks : int
        Prompts in a pool, each with its own task.
    label_noise : float
        Standard deviation of the label noise.
    experiment_seed, cell, seeds
        Name the streams (`cotdepth.streams.stream`).
    progress : callable
        ``progress(lengths, name)`` wraps the iterable of context lengths.

    Returns
    -------
    xarray.Dataset
        The law, as `cotdepth.prompt_pools.prompt_law` has it, and a ``digest`` (n_context, seed) of each pool.
    """
    law = prompt_law(covariance, n_tasks, label_noise).assign_coords(
        model=((), model, {"long_name": "attention", "units": "1"}),
        n_context=("n_context", n_context, {"long_name": "examples in a prompt", "units": "examples"}),
        seed=("seed", np.arange(seeds), {"long_name": "prompt pool and training", "units": "1"}),
    )
    law.attrs.update(experiment_seed=experiment_seed, stream=cell, source="asymptotic paper, section 6 and appendix I.2")
    digests = [[_digest(_draw(law, length, seed)) for seed in range(seeds)] for length in progress(n_context, "context lengths")]
    about = {"long_name": "digest of the pool's weights and prompts", "units": "1"}
    return law.assign(digest=(("n_context", "seed"), digests, about))


def draw_pool(pools: xr.Dataset, n_context: int, seed: int) -> ShownPool:
    """One pool of a recipe; examples in float32, as training takes them.

    Raises
    ------
    ArtifactError
        If it is not the pool that the recipe describes (another machine or library version may round otherwise).
    """
    pool = _draw(pools, n_context, seed)
    check_drawn(f"prompt pool of {n_context} examples, seed {seed}", _digest(pool), pools.digest.sel(n_context=n_context, seed=seed).item())
    return pool


def _draw(law, n_context, seed):
    rng = stream(law.attrs["experiment_seed"], f"pool of {n_context} examples", cell=law.attrs["stream"], seed=int(seed))
    return draw_shown(law.model.item(), law_covariance(law), int(n_context), int(law.n_tasks), noise=float(law.label_noise), rng=rng,
                      dtype=np.float32)


def _digest(pool):
    return digest(pool.weights, pool.inputs)
