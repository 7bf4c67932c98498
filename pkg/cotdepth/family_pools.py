"""Pools of training tasks from several families, each with its own covariance, context length and label noise, as recipes."""

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.families import Family, covariance_root
from cotdepth.pools import Pool, drawn_again, white_statistics, with_digests


def draw_families(families: list[Family], rng: np.random.Generator) -> Pool:
    """Draw a pool: the tasks ``w ~ N(0, I)`` of all families, one after the other, with the statistics of their prompts.

    With ``x = R z``, ``R R = Lambda``, labels are those of the task ``R w`` on white features ``z``, and the statistic is ``R``
    times that of the white prompt.
    """
    parts = [_draw_family(family, rng) for family in families]
    return Pool(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("weights", "statistics")))


def _draw_family(family, rng):
    weights, root = rng.standard_normal((family.n_tasks, family.covariance.dim)), covariance_root(family.covariance)
    return Pool(weights, white_statistics(weights @ root, family.n_context, noise=family.label_noise, rng=rng) @ root)


# --- recipes ------------------------------------------------------------------------------------------------------


def family_recipe(families: list[Family], *, experiment_seed: int, cell: str, seeds: int) -> xr.Dataset:
    """The recipe of the task pools of one cell: the families, the random streams and a digest of each pool.

    Parameters
    ----------
    families : list of Family
        What a pool is drawn from.
    experiment_seed, cell, seeds
        Name the streams (`cotdepth.streams.stream`), one for each pool.

    Returns
    -------
    xarray.Dataset
        On (family): ``n_tasks``, ``n_context``, ``label_noise``, ``eigenvalue`` (family, component) and ``eigenvector`` (family,
        feature, component); and ``digest`` (seed).
    """
    spectra = [family.covariance.spectrum for family in families]
    bases = [np.eye(family.covariance.dim) if family.covariance.basis is None else family.covariance.basis for family in families]
    found = {
        "n_tasks": ("family", [family.n_tasks for family in families], "tasks of a family in a pool", "tasks"),
        "n_context": ("family", [family.n_context for family in families], "examples in a training prompt", "examples"),
        "label_noise": ("family", [float(family.label_noise) for family in families], "standard deviation of the label noise", "1"),
        "eigenvalue": (("family", "component"), spectra, "eigenvalues of the feature covariance", "1"),
        "eigenvector": (("family", "feature", "component"), bases, "eigenvectors of the feature covariance", "1"),
    }
    recipe = xr.Dataset(
        {name: (dims, np.array(values), {"long_name": about, "units": units}) for name, (dims, values, about, units) in found.items()},
        coords={"seed": ("seed", np.arange(seeds), {"long_name": "task pool", "units": "1"})},
        attrs={"title": "Recipe of task pools of several families", "source": "asymptotic paper, section 3, with any covariances",
               "experiment_seed": experiment_seed, "stream": cell},
    )  # fmt: skip
    return with_digests(recipe, _draw)


def read_pool(recipe: xr.Dataset, seed: int) -> Pool:
    """One pool of a recipe, as `cotdepth.pools.drawn_again`."""
    return drawn_again(recipe, seed, _draw)


def _draw(recipe, rng):
    return draw_families([_family(recipe.isel(family=place)) for place in range(recipe.sizes["family"])], rng)


def _family(one):
    covariance = Covariance(one.eigenvalue.values, one.eigenvector.values)
    return Family(covariance, int(one.n_tasks), int(one.n_context), float(one.label_noise))
