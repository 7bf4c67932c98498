"""Task pools as recipes: too large to store, so the artifact says how to draw them and what must come out."""

import hashlib

import numpy as np
import xarray as xr

from cotdepth.prompts import Pool, draw_pool
from cotdepth.stamps import ArtifactError
from cotdepth.streams import stream


def pool_recipe(*, experiment_seed: int, cell: str, seeds: int, dim: int, alpha: float, tau: float, sigma: float) -> xr.Dataset:
    """The recipe of the task pools of one cell: the law, the random streams and a digest of each pool.

    Parameters
    ----------
    experiment_seed, cell, seeds
        Name the streams (`cotdepth.streams.stream`), one for each pool.
    dim, alpha, tau, sigma
        Feature dimension D, L/D, M/D, relative label noise; ``alpha dim`` and ``tau dim`` are whole numbers.

    Returns
    -------
    xarray.Dataset
        ``n_context``, ``n_tasks`` and ``digest`` (seed); what else `draw_recipe` needs is in the coordinates and attributes.
    """
    recipe = xr.Dataset(
        {
            "n_context": ((), round(alpha * dim), {"long_name": "examples in each training prompt, L", "units": "examples"}),
            "n_tasks": ((), round(tau * dim), {"long_name": "tasks in each pool, M", "units": "tasks"}),
        },
        coords={
            "seed": ("seed", np.arange(seeds), {"long_name": "task pool", "units": "1"}),
            "dim": ((), dim, {"long_name": "feature dimension, D", "units": "features"}),
            "alpha": ((), alpha, {"long_name": "context ratio, L/D", "units": "1"}),
            "tau": ((), tau, {"long_name": "task ratio, M/D", "units": "1"}),
            "sigma": ((), sigma, {"long_name": "relative label noise in pretraining", "units": "1"}),
        },
        attrs={
            "title": "Recipe of task pools for the reduced model",
            "source": "asymptotic paper, section 3: isotropic Gaussian features and tasks, noisy labels, one prompt for each task",
            "experiment_seed": experiment_seed,
            "stream": cell,
        },
    )
    digests = [_digest(_draw(recipe, seed)) for seed in range(seeds)]
    return recipe.assign(digest=("seed", digests, {"long_name": "digest of the pool's weights and statistics", "units": "1"}))


def draw_recipe(recipe: xr.Dataset, seed: int) -> Pool:
    """Draw one pool of a recipe again.

    Raises
    ------
    ArtifactError
        If it is not the pool that the recipe describes (another machine or library version may round otherwise).
    """
    pool = _draw(recipe, seed)
    if _digest(pool) != recipe.digest.item(seed):
        raise ArtifactError(f"task pool, seed {seed}: drawn again it differs from its recipe; "
                            "delete the recipe, made on another machine or with other libraries, and run snakemake again")
    return pool


def _draw(recipe, seed):
    rng = stream(recipe.attrs["experiment_seed"], "task pool", cell=recipe.attrs["stream"], seed=seed)
    return draw_pool(int(recipe.n_tasks), int(recipe.n_context), int(recipe.dim), sigma=float(recipe.sigma), rng=rng)


def _digest(pool):
    digest = hashlib.blake2b(np.ascontiguousarray(pool.weights), digest_size=8)
    digest.update(np.ascontiguousarray(pool.statistics))
    return digest.hexdigest()
