"""What independent runs say of a sentence: it holds, it fails, or they do not decide."""

import numpy as np
import xarray as xr
from scipy.stats import t as student

from cotdepth.claims.claim import Check, NotRun

FALSE_ALARM = 0.01
LARGEST = 1e6
RATE = "t tests over seeds, taken as normal, with a false-alarm rate of 0.01 over all comparisons, for either verdict"


def below_zero(values, measure: str) -> Check:
    """Whether every row of numbers, (comparisons, runs), has a mean below 0.

    One-sided t tests with a false-alarm rate of 0.01 over all comparisons together, in both directions: the sentence holds if
    every mean is significantly below 0 and fails if one is significantly above.

    Raises
    ------
    NotRun
        If there are fewer than two runs, or they decide neither way.
    """
    rows = [row[np.isfinite(row)] for row in np.atleast_2d(np.asarray(values, dtype=float))]
    fewest = min((len(row) for row in rows), default=0)
    if fewest < 2:
        raise NotRun(f"needs at least 2 runs for each comparison, has {fewest}")
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [row.mean() / (row.std(ddof=1) / np.sqrt(len(row))) for row in rows]
    limits = [student.ppf(1 - FALSE_ALARM / len(rows), len(row) - 1) for row in rows]
    largest = float(max(np.nan_to_num(np.divide(found, limits), posinf=LARGEST, neginf=-LARGEST)))   # runs may be all alike
    if -1 < largest < 1:
        raise NotRun(f"needs more than {fewest} seeds: the largest t statistic is {largest:.2g} times its limit")
    return Check(f"{measure}: largest t statistic over its limit", largest, -1)


def pick(data: xr.DataArray | xr.Dataset, **labels):
    """The values at these labels; NotRun, naming what it needs, if one is not on its axis or the axis is not there."""
    for name, value in labels.items():
        if name not in data.dims or value not in data[name].values:
            raise NotRun(f"needs {name} = {value}")
        data = data.sel({name: value})
    return data


def ends(data: xr.DataArray | xr.Dataset, axis: str) -> tuple:
    """Smallest and largest label of an axis; NotRun if it has fewer than two."""
    if data.sizes.get(axis, 1) < 2:
        raise NotRun(f"needs two values of {axis}")
    ordered = np.sort(data[axis].values)
    return ordered[0], ordered[-1]


def log_ratio(first: xr.DataArray, second: xr.DataArray) -> np.ndarray:
    """Logarithm of the ratio of two errors, by seed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log((first / second).values)
