"""Errors over test tasks, summarised: means lie where tails are heavy, so medians and quantiles stand beside them."""

from collections.abc import Sequence

import numpy as np
import xarray as xr


def summarise(errors: list[np.ndarray], quantiles: Sequence[float], recipe: xr.Dataset, source: str) -> xr.Dataset:
    """Mean, median and quantiles over test tasks.

    Parameters
    ----------
    errors : list of (depth + 1, n_test) arrays
        Errors per dimension, for each pool of the recipe.
    quantiles : sequence of float
        Which quantiles to keep.
    recipe : xarray.Dataset
        Where the coordinates come from.
    source : str
        Paper and figure, for the attribute ``source``.

    Returns
    -------
    xarray.Dataset
        ``error_mean`` and ``error_median`` (seed, k), ``error_quantile`` (quantile, seed, k).
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
    error = "error |w - w_k|^2 / D"
    return xr.Dataset(
        {name: (dims, values, {"long_name": f"{error}, {about}", "units": "1"}) for name, (dims, values, about) in found.items()},
        coords=axes | {name: recipe.coords[name] for name in ("seed", "dim", "alpha", "tau", "sigma")},
        attrs={"title": "Error against depth on fresh test prompts", "source": source},
    )
