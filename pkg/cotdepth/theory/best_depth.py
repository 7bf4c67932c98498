"""The best depth of an error curve, the same wherever one is asked for."""

import numpy as np
import xarray as xr

TIE = 1e-8  # relative: errors this close are as good, and the smaller depth is better


def best_depth_of(log_error: xr.DataArray) -> xr.DataArray:
    """The depth of the smallest error on the dim `k`, of its logarithm; the first of those within a relative 1e-8.

    On a floor rounding would choose among depths that differ by nothing.
    """
    return (log_error <= log_error.min("k") + TIE).argmax("k")  # the first True


def best_point(error: xr.DataArray) -> xr.DataArray:
    """The value of one curve at its best depth, with that depth as the coordinate `k`."""
    with np.errstate(divide="ignore"):
        return error.isel(k=int(best_depth_of(np.log(error))))
