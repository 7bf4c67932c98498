"""Experiment beside theory: the gap at each dimension, and what the experiment says of infinite dimension."""

import numpy as np
import xarray as xr

DEGREE = 2   # finite-size corrections kept: a + b/D + c/D^2


def compare_finite_size(experiment: xr.Dataset, theory: xr.DataArray, source: str = "asymptotic paper, figure 4") -> xr.Dataset:
    """Errors of several pools at several dimensions beside theory, of infinite dimension or of the same ones.

    Parameters
    ----------
    experiment : xarray.Dataset
        ``error_mean`` and ``error_median`` (dim, seed, k), ``error_quantile`` (dim, seed, quantile, k); more dims stay.
    theory : xarray.DataArray
        The predicted error (k), of infinite dimension, or (dim, k) where it depends on the dimension.
    source : str
        Of what is compared, for the attribute ``source``.

    Returns
    -------
    xarray.Dataset
        ``theory``; over pools, on (dim, k): ``error_mean`` and its standard error ``error_standard_error``, the median
        over pools ``error_median`` of the medians over tasks, its extremes ``pool_lowest`` and ``pool_highest``, and
        ``error_quantile`` (dim, quantile, k), medians over pools; ``gap = error_mean / theory - 1`` with
        ``gap_standard_error``; and ``extrapolated_gap`` (k) with ``extrapolated_gap_standard_error``, the gap at infinite dimension
        (`extrapolate`; NaN where there are fewer than four dimensions or two pools).
    """
    pools = experiment.error_mean
    mean, error = pools.mean("seed"), pools.std("seed", ddof=1) / np.sqrt(pools.count("seed"))
    limit = extrapolate(mean / theory, error / theory)
    found = {
        "theory": (theory, "predicted error" + ("" if "dim" in theory.dims else " at infinite D")),
        "error_mean": (mean, "mean error over pools and test tasks"),
        "error_standard_error": (error, "standard error of the mean over pools"),
        "error_median": (experiment.error_median.median("seed"), "median over pools of the median error over test tasks"),
        "pool_lowest": (experiment.error_median.min("seed"), "lowest median error of a pool"),
        "pool_highest": (experiment.error_median.max("seed"), "highest median error of a pool"),
        "error_quantile": (experiment.error_quantile.median("seed"), "median over pools of the error's quantile over test tasks"),
        "gap": (mean / theory - 1, "relative gap between mean error and theory"),
        "gap_standard_error": (error / theory, "standard error of the relative gap"),
        "extrapolated_gap": (limit.sel(term="value", drop=True) - 1, "relative gap extrapolated to infinite D"),
        "extrapolated_gap_standard_error": (limit.sel(term="standard error", drop=True), "its standard error"),
    }
    labelled = {name: values.assign_attrs(long_name=about, units="1") for name, (values, about) in found.items()}
    about = {"title": "Error at finite dimension beside the theory", "source": source}
    return xr.Dataset(labelled, attrs=about)


def extrapolate(mean: xr.DataArray, standard_error: xr.DataArray) -> xr.DataArray:
    """The value at infinite dimension, from a weighted least-squares fit of ``a + b/D + c/D^2``.

    Parameters
    ----------
    mean, standard_error : xarray.DataArray
        On (dim, ...); standard errors are taken as known.

    Returns
    -------
    xarray.DataArray
        On (term, ...) with ``term`` either ``"value"`` (a) or ``"standard error"`` (its own); NaN where there are
        fewer than four dimensions or no standard errors, or where the errors differ too widely to tell the terms apart.
    """
    fit = xr.apply_ufunc(_intercept, mean, standard_error, mean.dim, input_core_dims=[["dim"], ["dim"], ["dim"]],
                         output_core_dims=[["term"]], vectorize=True)  # fmt: skip
    return fit.assign_coords(term=["value", "standard error"])


def _intercept(mean, error, dim):
    """Intercept of the fit in powers of 1/D and its standard error."""
    enough = len(dim) > DEGREE + 1 and np.all(np.isfinite(mean)) and np.all(error > 0)
    powers = (dim.min() / dim)[:, None] ** np.arange(DEGREE + 1)
    orthonormal, triangle = np.linalg.qr(powers / error[:, None]) if enough else (None, np.zeros((1, 1)))
    if np.linalg.matrix_rank(triangle) <= DEGREE:
        return np.full(2, np.nan)
    inverse = np.linalg.inv(triangle)
    return np.array([inverse[0] @ (orthonormal.T @ (mean / error)), np.linalg.norm(inverse[0])])
