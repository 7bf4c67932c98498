"""Agreement of fully trained linear attention with theory."""

import numpy as np
import xarray as xr

from cotdepth.agreement.differences import Differences, cell_axes, partners
from cotdepth.agreement.table import Agreement

GUESSES = {"fresh": "fresh guesses in training", "fixed": "one guess for each task in training"}
SIMPLIFIED = "theory is of the simplified layer in the limit of large D; the full one has more entries to overfit with"


def attention(stages: dict[str, list[xr.Dataset]]) -> list[Agreement]:
    """Mean errors for each kind of guess beside the simplified layer's, where there is theory.

    Parameters
    ----------
    stages : dict
        Artifacts of ``evaluate`` and ``theory``; the latter of linear attention alone.
    """
    pairs = [(partners(theory, stages["evaluate"])[0], theory) for theory in stages["theory"]]
    return [Agreement(f"mean error, {about}", "limit of the simplified layer", [_differences(*pair, guess) for pair in pairs
            if guess in pair[1].guess], SIMPLIFIED) for guess, about in GUESSES.items()
            if any(guess in theory.guess for _, theory in pairs)]  # fmt: skip


def _differences(measured, theory, guess):
    errors = measured.error_mean.sel(guess=guess, k=slice(1, None), drop=True)
    predicted, seeds = theory.error.sel(guess=guess, drop=True), errors.sizes["seed"]
    with np.errstate(over="ignore", invalid="ignore"):  # errors that have left the range of numbers have no spread
        relative, spread = errors.mean("seed") / predicted - 1, errors.std("seed", ddof=1) / predicted
    return Differences(relative, spread / seeds**0.5, seeds, seeds - 1, cell_axes(measured))
