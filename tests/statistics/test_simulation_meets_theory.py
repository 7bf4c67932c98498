"""The reduced model at finite dimension, extrapolated to infinite dimension, against the ridgeless theory."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.comparison import extrapolate
from cotdepth.evaluation import evaluate_reduced
from cotdepth.fit.ridge import fit_ridge
from cotdepth.pools import draw_pool
from cotdepth.streams import stream
from cotdepth.theory import asymptotic

SETTINGS = [(0.5, 4), (1, 4), (2, 4), (4, 4), (3, 1.5), (3, 2), (3, 2.5), (3, 3)]
SIGMA, DEPTH, PROMPTS = 0.01, 5, 64
POOLS = {64: 512, 128: 512, 256: 256, 512: 128}   # small dimensions fluctuate more and cost less


def pool_error(alpha, tau, dim, seed):
    """Mean error at `DEPTH` of a model fitted to one pool, over fresh prompts."""
    rng = stream(7, "statistics test", cell=f"{alpha} {tau} {dim}", seed=seed)
    matrix = fit_ridge(draw_pool(int(tau * dim), int(alpha * dim), dim, sigma=SIGMA, rng=rng), 0.0)
    return evaluate_reduced(matrix, n_context=int(alpha * dim), depth=DEPTH, rngs=[rng] * PROMPTS)[DEPTH].mean()


@pytest.mark.parametrize(("alpha", "tau"), SETTINGS)
def test_simulation_extrapolated_to_infinite_dimension_meets_theory(alpha, tau):
    """False alarm 0.3% for each setting (three standard errors); the standard error is at most 2% of the theory."""
    pools = [np.array([pool_error(alpha, tau, dim, seed) for seed in range(count)]) for dim, count in POOLS.items()]
    coords = {"dim": list(POOLS)}
    mean = xr.DataArray([errors.mean() for errors in pools], dims="dim", coords=coords)
    error = xr.DataArray([errors.std(ddof=1) / np.sqrt(len(errors)) for errors in pools], dims="dim", coords=coords)
    value, standard_error = extrapolate(mean, error).values
    theory = asymptotic.error_curve(alpha, tau, SIGMA, depth=DEPTH).item(DEPTH)
    assert standard_error < 0.02 * theory
    assert abs(value - theory) < 3 * standard_error, f"{value:.6f} +- {standard_error:.6f}, theory {theory:.6f}"
