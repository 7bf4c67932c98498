"""Differences in standard errors that come from few seeds: by Student's law, carried over to the normal one."""

import numpy as np
import xarray as xr
from scipy.stats import norm, t

FEWEST_SEEDS = 3  # for a standard error to judge by
LARGEST_SHARE = 0.3  # of the mean, that a standard error may have: one seed alone that carries this share of the sum has it this large
SMALLEST_TAIL = 1e-300  # of a probability that is told from 0; standardised differences are at most 37


def standardised(relative: xr.DataArray, standard_error: xr.DataArray, *, seeds: int, freedom: float) -> xr.DataArray:
    """Relative differences in standard errors; NaN where they cannot be judged.

    They can be where there are at least `FEWEST_SEEDS` seeds and the standard error is below `LARGEST_SHARE` of the measured mean:
    where it is not, rare prompts or pools carry the mean, and neither the mean of a sample nor its standard error means much.

    Parameters
    ----------
    relative : xarray.DataArray
        Measured mean over predicted less one.
    standard_error : xarray.DataArray
        Its standard error.
    seeds : int
        Independent repetitions.
    freedom : float
        Degrees of freedom of the standard errors.

    Returns
    -------
    xarray.DataArray
        The ``z`` that a normal law exceeds as often as Student's law of `freedom` degrees does the difference over its standard error.
    """
    judged = (standard_error > 0) & (standard_error < LARGEST_SHARE * abs(1 + relative)) & (seeds >= FEWEST_SEEDS)
    return as_normal(relative / standard_error.where(judged), freedom)


def as_normal(ratios, freedom: float):
    """What a normal law exceeds as often as Student's law of `freedom` degrees does `ratios`."""
    return np.sign(ratios) * norm.isf(np.maximum(t.sf(abs(ratios), freedom), SMALLEST_TAIL))
