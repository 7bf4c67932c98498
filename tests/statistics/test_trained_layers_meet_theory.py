"""Layers trained by Adam as in the training-data paper, section 5, against exact theory of long test prompts."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.attention_evaluation import evaluate_layer
from cotdepth.covariance import identity
from cotdepth.fit.adam import fit_adam
from cotdepth.fit.least_squares import fit_least_squares
from cotdepth.fresh_prompts import draw_test_prompts
from cotdepth.models.lsa import with_marker_scores
from cotdepth.prompts import draw_prompts
from cotdepth.streams import stream
from cotdepth.theory import finite

DIM, SEEDS, LENGTH, DEPTH = 10, 10, 1000, 5


@pytest.mark.parametrize("n_context", [10, 20, 30])
def test_layers_with_a_fixed_attention_meet_exact_theory(n_context):
    """Means of ten seeds: within 5% of the population optimum for k <= 2; and within three standard errors of the optimum of
    each seed's own pool for k <= 5.

    False alarms: the second is Student's t with nine degrees of freedom beyond 3, 1.5% for each depth; depths are strongly
    correlated, so about 3% for each length.
    """
    name = {"experiment_seed": 5, "cell": str(n_context)}
    streams = {purpose: [stream(purpose=purpose, seed=seed, **name) for seed in range(SEEDS)] for purpose in ("pool", "batches")}
    pools = [draw_prompts(identity(DIM), n_context, 5000, rng=rng) for rng in streams["pool"]]
    trained = fit_adam(pools, trained="block", batch_size=1000, epochs=1000, learning_rate=1e-3, rngs=streams["batches"])
    layers = [with_marker_scores(*found) for found in zip(trained.value_blocks, trained.marker_scores)]
    prompts = [draw_test_prompts(identity(DIM), LENGTH, 4000, noise=0.0, seed=seed, **name) for seed in range(SEEDS)]
    errors = np.array([evaluate_layer(layer, tested, DEPTH).mean(1) for layer, tested in zip(layers, prompts)])

    exact = finite.error_exact(identity(DIM), identity(DIM), n_context=n_context, n_context_test=LENGTH, depth=DEPTH)
    np.testing.assert_allclose(errors.mean(0)[:3], exact[:3], rtol=0.05)

    asked = xr.DataArray([-fit_least_squares(pool) for pool in pools], dims=("seed", "row", "col"))
    difference = errors - finite.error_exact_at(asked, identity(DIM), n_context_test=LENGTH, depth=DEPTH).values
    assert np.all(np.abs(difference.mean(0)) < 3 * difference.std(0, ddof=1) / np.sqrt(SEEDS))
