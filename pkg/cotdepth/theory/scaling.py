"""Test-time scaling on the training task itself: what depth buys, what it costs, and what it replaces."""

from bisect import bisect_left
from functools import cache

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.theory.finite_bounds import thinking_bound
from cotdepth.theory.finite_errors import error_leading_order, long_enough
from cotdepth.theory.overthinking import spectral_radius
from cotdepth.theory.population import hardness, preconditioner

LONGEST = 10**7  # training prompts longer than this are not looked for


def summarise_scaling(covariance: Covariance, *, n_context: list[int], target: list[float], depth: int) -> xr.Dataset:
    """Errors against depth and context length, and the exchange between the two at fixed error.

    Parameters
    ----------
    covariance : Covariance
        Of the features, in training and in test.
    n_context : list of int
        Examples in a training prompt; a dimension.
    target : list of float
        Errors per dimension to reach; a dimension.
    depth : int
        Largest depth K.

    Returns
    -------
    xarray.Dataset
        ``error`` (n_context, k), in long test prompts; ``bound`` (n_context, k), the paper's, without its ``o(1)``;
        ``slope`` (n_context), decades of error per step at large depth, which both share; ``context_needed`` (target, k), the
        shortest training prompt that reaches a target (NaN beyond ten million examples, and at k = 0);
        ``test_context_needed`` (n_context, k), the test prompts that count as long; and ``hardness``.

    Notes
    -----
    Training-data paper, figure 1, corollary 3.5 and remark 3.5.
    """
    curves = [_curves(covariance, n, depth) for n in n_context]
    lengths = xr.DataArray(n_context, dims="n_context", attrs={"long_name": "examples in a training prompt", "units": "examples"})
    found = xr.concat(curves, dim=lengths.rename("n_context"), combine_attrs="override")
    needed = xr.DataArray(
        _context_needed(covariance, target, depth), dims=("target", "k"),
        attrs={"long_name": "shortest training prompt that reaches the target error", "units": "examples"},
    )  # fmt: skip
    reached = xr.DataArray(target, dims="target", attrs={"long_name": "target error |w - w_k|^2 / D", "units": "1"})
    strength = xr.DataArray(hardness(covariance), attrs={"long_name": "task hardness, trace over smallest eigenvalue", "units": "1"})
    return found.assign(context_needed=needed, hardness=strength).assign_coords(target=reached).assign_attrs(
        title="Test-time scaling on the training task", source="training-data paper, figure 1, corollary 3.5 and remark 3.5"
    )


def _curves(covariance, n, depth):
    """Error, bound, slope and the length of long test prompts, for one length of training prompts."""
    slope = 2 * np.log10(spectral_radius(preconditioner(covariance, n), covariance))
    return xr.Dataset({
        "error": error_leading_order(covariance, covariance, n_context=n, depth=depth),
        "bound": thinking_bound(covariance, n_context=n, depth=depth),
        "slope": ((), slope, {"long_name": "slope at large depth", "units": "decades per step"}),
        "test_context_needed": long_enough(covariance, covariance, n_context=n, depth=depth),
    }).drop_vars(["n_context", "n_context_test"], errors="ignore")  # fmt: skip


def _context_needed(covariance, targets, depth):
    """For each target and depth the smallest length with an error below it; the error falls with the length."""

    @cache
    def error(n):
        return error_leading_order(covariance, covariance, n_context=n, depth=depth).values

    def shortest(target, k):
        reaches = bisect_left(range(1, LONGEST + 1), True, key=lambda n: bool(error(n)[k] <= target)) + 1
        return reaches if reaches <= LONGEST else np.nan

    return np.array([[np.nan, *(shortest(target, k) for k in range(1, depth + 1))] for target in targets])
