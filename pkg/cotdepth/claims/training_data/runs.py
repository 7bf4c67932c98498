"""What independent runs say of a sentence: it holds, it fails, or they do not decide."""

import numpy as np
import xarray as xr
from scipy.stats import t as student

from cotdepth.claims.claim import Check, NotRun
from cotdepth.claims.reading import needs

FALSE_ALARM = 0.01
FEWEST_FOR_NONE = 8   # seeds, before "no difference was found" says anything
MOST_LEFT_OUT = 1 / 3   # of the runs of a comparison
LARGEST = 1e6
LARGEST_LOG = 1418.0   # of a ratio of floats: an infinite run counts as one at their limit
RATE = "t tests over seeds, taken as normal, with a false-alarm rate of 0.01 over all comparisons, for either verdict"


def below_zero(values, measure: str) -> Check:
    """Whether every row of numbers, (comparisons, runs), has a mean below 0.

    One-sided t tests with a false-alarm rate of 0.01 over all comparisons together, in both directions: the sentence holds if
    every mean is significantly below 0 and fails if one is significantly above. An infinite run, one whose error diverged, counts
    with the largest logarithm that a ratio can have; one that is not a number (both errors diverged) is left out, and the measure says
    how many are.

    Raises
    ------
    NotRun
        If there are fewer than two runs, more than a third are not numbers, or they decide neither way.
    """
    given = np.atleast_2d(np.asarray(values, dtype=float))
    rows = [np.clip(row[~np.isnan(row)], -LARGEST_LOG, LARGEST_LOG) for row in given]
    fewest = min((len(row) for row in rows), default=0)
    if fewest < 2:
        raise NotRun(f"needs at least 2 runs for each comparison, has {fewest}")
    needs(np.isnan(given).mean(axis=1).max() <= MOST_LEFT_OUT, "finite errors, which fewer than two thirds of the runs have")
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [row.mean() / (row.std(ddof=1) / np.sqrt(len(row))) for row in rows]
    limits = [student.ppf(1 - FALSE_ALARM / len(rows), len(row) - 1) for row in rows]
    largest = float(max(np.nan_to_num(np.divide(found, limits), posinf=LARGEST, neginf=-LARGEST)))   # runs may be all alike
    if -1 < largest < 1:
        raise NotRun(f"needs more than {fewest} seeds: the largest t statistic is {largest:.2g} times its limit")
    return Check(f"{measure}: largest t statistic over its limit{left_out(given)}", largest, -1)


def left_out(values) -> str:
    """How many runs are not numbers, in words; nothing if none is."""
    count = int(np.isnan(values).sum())
    return f" ({count} of {values.size} runs, which are not numbers, left out)" if count else ""


def enough_for_none(seeds: int) -> int:
    """Number of seeds; NotRun if they are too few for a claim that nothing differs."""
    if seeds < FEWEST_FOR_NONE:
        raise NotRun(f"needs at least {FEWEST_FOR_NONE} seeds to say that there is no difference, has {seeds}")
    return seeds


def noted(check: Check, note: str) -> Check:
    """A check whose measure also says at which sizes."""
    return check._replace(measure=f"{check.measure}; {note}")


def setting(data: xr.Dataset | xr.DataArray, name: str):
    """A number that the whole artifact was made with; NotRun, naming it, if it does not say or has several."""
    if name not in data.coords or data[name].size != 1:
        raise NotRun(f"needs one value of {name}")
    return data[name].values.item()


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


def log_ratio_by_seed(first: xr.DataArray, second: xr.DataArray) -> np.ndarray:
    """The same, averaged within each seed: what shares a seed shares its start and its prompts, and is no independent run."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log(first / second)
        return ratios.mean([dim for dim in ratios.dims if dim != "seed"], skipna=False).values
