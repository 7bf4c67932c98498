"""Errors over test prompts, summarised: means lie where tails are heavy, so medians and quantiles stand beside them."""

from collections.abc import Sequence

import numpy as np
import xarray as xr


def summarise(errors: xr.DataArray, quantiles: Sequence[float], source: str) -> xr.Dataset:
    """Mean, median and quantiles over test prompts, each of which has its own task.

    Parameters
    ----------
    errors : xarray.DataArray
        Errors per dimension on (..., k, prompt), with labelled coordinates; infinite where a prompt has left the range of numbers.
    quantiles : sequence of float
        Which quantiles to keep.
    source : str
        Paper and figure, for the attribute ``source``.

    Returns
    -------
    xarray.Dataset
        ``error_mean`` and ``error_median`` (..., k), ``error_quantile`` (quantile, ..., k).
    """
    values, dims = errors.values, [dim for dim in errors.dims if dim != "prompt"]
    axis = errors.get_axis_num("prompt")
    found = {
        "error_mean": (dims, values.mean(axis), "mean over test prompts"),
        "error_median": (dims, np.median(values, axis), "median over test prompts"),
        "error_quantile": (["quantile", *dims], _quantiles(values, quantiles, axis), "quantile over test prompts"),
    }
    axes = {
        "k": ("k", np.arange(errors.sizes["k"]), {"long_name": "chain-of-thought depth", "units": "steps"}),
        "quantile": ("quantile", list(quantiles), {"long_name": "quantile over test prompts", "units": "1"}),
    }
    error = "error |w - w_k|^2 / D"
    return xr.Dataset(
        {name: (where, made, {"long_name": f"{error}, {about}", "units": "1"}) for name, (where, made, about) in found.items()},
        coords=dict(errors.coords) | axes,
        attrs={"title": "Error against depth on fresh test prompts", "source": source},
    )


def _quantiles(values, quantiles, axis):
    """Interpolated between prompts, and infinite where one of the two is."""
    if np.isfinite(values).all():
        return np.quantile(values, quantiles, axis=axis)
    with np.errstate(invalid="ignore"):
        between = np.quantile(values, quantiles, axis=axis)
    return np.where(np.isfinite(between), between, np.quantile(values, quantiles, axis=axis, method="higher"))
