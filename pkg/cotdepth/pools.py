"""Task pools for training, drawn by what a fit sees of them, and their recipes.

A prompt is ``n_context`` examples ``(x, y = x.w + noise)`` of one task ``w``, but the fit needs only its statistic ``b``,
which is drawn directly, exact in law. Pools are too large to store: the artifact says how to draw them and what must come
out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from cotdepth.recipes import check_drawn, digest
from cotdepth.streams import stream


@dataclass(frozen=True)
class Pool:
    """A pool of training tasks, one prompt each.

    Attributes
    ----------
    weights : (n_tasks, dim) array
        Task vectors ``w ~ N(0, I)``.
    statistics : (n_tasks, dim) array
        ``b = (1/n_context) sum_l y_l x_l`` of each task's prompt, features ``x ~ N(0, I)``.
    """

    weights: np.ndarray
    statistics: np.ndarray


def draw_pool(n_tasks: int, n_context: int, dim: int, *, sigma: float, rng: np.random.Generator) -> Pool:
    """Draw a pool of tasks with the statistic of one noisy prompt for each.

    Labels are ``y = x.w + sigma sqrt(dim) eps``, so that ``sigma`` is the noise relative to the signal, whose
    variance is ``dim`` (asymptotic paper, section 3, there with ``x ~ N(0, I/dim)``).
    """
    weights = rng.standard_normal((n_tasks, dim))
    return Pool(weights, white_statistics(weights, n_context, noise=sigma * np.sqrt(dim), rng=rng))


def white_statistics(weights: np.ndarray, n_context: int, *, noise: float, rng: np.random.Generator) -> np.ndarray:
    """``(1/n_context) sum_l y_l x_l`` for one prompt of each task, with ``x ~ N(0, I)`` and ``y = x.w + noise eps``.

    Given ``w``, the labels are ``y = |w| h + noise eps`` with ``h`` the features along ``w``, and the features
    across ``w`` know nothing of ``y``: so ``b`` is ``h.y`` along ``w`` plus a normal vector of length ``|y|`` across
    it, and one normal vector and three scalars a task replace ``n_context`` feature vectors.
    """
    length = np.linalg.norm(weights, axis=1, keepdims=True)                        # (n_tasks, 1)
    along, labels = _label_scalars(length, n_context, noise, rng)                  # h.y and |y|, (n_tasks, 1)
    unit = weights / length
    across = rng.standard_normal(weights.shape)
    across -= np.sum(across * unit, axis=1, keepdims=True) * unit
    return (along * unit + labels * across) / n_context


def _label_scalars(length, n_context, noise, rng):
    """``h.y`` and ``|y|`` for ``y = length h + noise eps``, from chi-squares and one normal."""
    features = np.sqrt(rng.chisquare(n_context, length.shape))       # |h|
    noise_along = noise * rng.standard_normal(length.shape)          # noise eps, along h
    noise_across = noise**2 * rng.chisquare(n_context - 1, length.shape) if n_context > 1 else 0.0
    labels_along = length * features + noise_along                   # y, along h
    return features * labels_along, np.sqrt(labels_along**2 + noise_across)


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
    return with_digests(recipe, _draw)


def draw_recipe(recipe: xr.Dataset, seed: int) -> Pool:
    """One pool of a recipe, as `drawn_again`."""
    return drawn_again(recipe, seed, _draw)


def _draw(recipe, rng):
    return draw_pool(int(recipe.n_tasks), int(recipe.n_context), int(recipe.dim), sigma=float(recipe.sigma), rng=rng)


# --- recipes of any law -------------------------------------------------------------------------------------------


def with_digests(recipe: xr.Dataset, draw: Callable[[xr.Dataset, np.random.Generator], Pool]) -> xr.Dataset:
    """A recipe with the ``digest`` (seed) of each pool that `draw` draws from it."""
    digests = [_digest(_drawn(recipe, seed, draw)) for seed in recipe.seed.values]
    return recipe.assign(digest=("seed", digests, {"long_name": "digest of the pool's weights and statistics", "units": "1"}))


def drawn_again(recipe: xr.Dataset, seed: int, draw: Callable[[xr.Dataset, np.random.Generator], Pool]) -> Pool:
    """One pool of a recipe that has digests.

    Raises
    ------
    ArtifactError
        If it is not the pool that the recipe describes (another machine or library version may round otherwise).
    """
    pool = _drawn(recipe, seed, draw)
    check_drawn(f"task pool, seed {seed}", _digest(pool), recipe.digest.item(seed))
    return pool


def _drawn(recipe, seed, draw):
    return draw(recipe, stream(recipe.attrs["experiment_seed"], "task pool", cell=recipe.attrs["stream"], seed=seed))


def _digest(pool):
    return digest(pool.weights, pool.statistics)
