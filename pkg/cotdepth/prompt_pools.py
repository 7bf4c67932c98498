"""Pools of training prompts as artifacts: the prompts themselves while they are small, else how to draw them again."""

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.prompts import Prompts, draw_prompts
from cotdepth.recipes import check_drawn, digest
from cotdepth.streams import stream

LARGEST_STORED = 64 * 2**20   # bytes


def prompt_pools(
    covariance: Covariance, *, experiment_seed: int, cell: str, seeds: int, n_context: int, n_tasks: int, label_noise: float
) -> xr.Dataset:
    """The prompt pools of one cell, one for each seed.

    Parameters
    ----------
    covariance : Covariance
        Of the features.
    experiment_seed, cell, seeds
        Name the streams (`cotdepth.streams.stream`), one for each pool.
    n_context, n_tasks : int
        Examples in a prompt; prompts in a pool, each with its own task.
    label_noise : float
        Standard deviation of the label noise.

    Returns
    -------
    xarray.Dataset
        The law (``n_context``, ``n_tasks``, ``label_noise``, ``eigenvalue``, ``eigenvector``), a ``digest`` (seed) of each pool
        and, up to 64 MB, the prompts as linear attention sees them: ``weights`` (seed, task, feature) and ``gram`` (seed,
        task, row, col), ``[X; y][X; y]^T / n_context``.
    """
    law = prompt_law(covariance, n_tasks, label_noise).assign_attrs(experiment_seed=experiment_seed, stream=cell)
    law = law.assign_coords(n_context=((), n_context, {"long_name": "examples in a training prompt", "units": "examples"}),
                            seed=("seed", np.arange(seeds), {"long_name": "prompt pool", "units": "1"}))  # fmt: skip
    small = 8 * seeds * n_tasks * ((covariance.dim + 1) ** 2 + covariance.dim) <= LARGEST_STORED
    pools = (_draw(law, seed) for seed in range(seeds))   # one at a time, unless all are kept
    pools = list(pools) if small else pools
    digests = [_digest(pool) for pool in pools]
    law = law.assign(digest=("seed", digests, {"long_name": "digest of the pool's weights and Gram matrices", "units": "1"}))
    return law.merge(_stored(pools)) if small else law


def read_prompts(pools: xr.Dataset, seed: int) -> Prompts:
    """One pool, from its arrays or drawn again.

    Raises
    ------
    ArtifactError
        If it was drawn again and is not the pool that was (another machine or library version may round otherwise).
    """
    if "gram" in pools:
        return Prompts(weights=pools.weights.sel(seed=seed).values, grams=pools.gram.sel(seed=seed).values)
    prompts = _draw(pools, seed)
    check_drawn(f"prompt pool, seed {seed}", _digest(prompts), pools.digest.item(seed))
    return prompts


def prompt_law(covariance: Covariance, n_tasks: int, label_noise: float) -> xr.Dataset:
    """What `law_covariance` reads, and ``n_tasks`` and ``label_noise``, as a labelled dataset."""
    basis = np.eye(covariance.dim) if covariance.basis is None else covariance.basis
    spectrum = covariance.spectrum[: basis.shape[1]]   # the rest is zero
    return xr.Dataset(
        {
            "n_tasks": ((), n_tasks, {"long_name": "prompts in each pool, each with its own task", "units": "prompts"}),
            "label_noise": ((), label_noise, {"long_name": "standard deviation of the label noise", "units": "1"}),
            "eigenvalue": ("component", spectrum, {"long_name": "eigenvalues of the feature covariance", "units": "1"}),
            "eigenvector": (("feature", "component"), basis, {"long_name": "eigenvectors of the feature covariance", "units": "1"}),
        },
        attrs={"title": "Pools of training prompts", "source": "training-data paper, section 3.1 and section 5"},
    )


def law_covariance(law: xr.Dataset) -> Covariance:
    """The covariance of the features of a law."""
    return Covariance(np.pad(law.eigenvalue.values, (0, law.sizes["feature"] - law.sizes["component"])), law.eigenvector.values)


def _draw(law, seed):
    rng = stream(law.attrs["experiment_seed"], "prompt pool", cell=law.attrs["stream"], seed=seed)
    return draw_prompts(law_covariance(law), int(law.n_context), int(law.n_tasks), label_noise=float(law.label_noise), rng=rng)


def _stored(pools):
    return xr.Dataset({
        "weights": (("seed", "task", "feature"), np.stack([pool.weights for pool in pools]), {"long_name": "task weights w", "units": "1"}),
        "gram": (("seed", "task", "row", "col"), np.stack([pool.grams for pool in pools]),
                 {"long_name": "[X; y][X; y]^T / n_context, the label last", "units": "1"}),
    })  # fmt: skip


def _digest(prompts):
    return digest(prompts.weights, prompts.grams)
