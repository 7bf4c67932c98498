"""Trained linear attention as artifacts, on test prompts, and beside theory."""

from functools import cache

import numpy as np
import pytest
import xarray as xr

from cotdepth.attention_comparison import compare_layers
from cotdepth.attention_evaluation import evaluate_layer, evaluate_layers, read_layer
from cotdepth.covariance import haar, identity, power_law
from cotdepth.fit.adam import Trained
from cotdepth.fit.layers import label_layers
from cotdepth.fit.least_squares import fit_least_squares
from cotdepth.fresh_prompts import draw_test_prompts, label_test_errors
from cotdepth.models.lsa import at_optimum, with_marker_scores
from cotdepth.pool_theory import theory_at_pools
from cotdepth.prompt_pools import prompt_pools, read_prompts
from cotdepth.summary import summarise
from cotdepth.theory import finite
from cotdepth.theory.layer import summarise_layer

TASK, TEST = haar(power_law(3, 1.0), rng=np.random.default_rng(4)), identity(3)
NAME = {"experiment_seed": 1, "cell": "a cell", "seed": 0}
POOLS = prompt_pools(TASK, experiment_seed=1, cell="a cell", seeds=3, n_context=8, n_tasks=100, label_noise=0.0)


def trained(weights=(1.0, 1.0, 1.0)):
    """Layers as Adam may leave them, with these ``|W_24|``."""
    rng, seeds = np.random.default_rng(2), len(weights)
    scores = np.column_stack([0.1 * rng.standard_normal((seeds, 3)), -np.array(weights)])
    return Trained(0.3 * rng.standard_normal((seeds, 3, 4)), scores, np.ones((seeds, 7)))


# --- layers and test prompts --------------------------------------------------------------------------------------


def test_a_layer_read_back_rolls_out_as_it_did(tmp_path):
    fitted, prompts = trained([1.0, 1.2, 0.9]), draw_test_prompts(TEST, 8, 5, noise=0.1, **NAME)
    label_layers({"all": fitted}, POOLS).to_netcdf(tmp_path / "layers.nc")
    layers = xr.load_dataset(tmp_path / "layers.nc")
    for seed in range(3):
        layer = with_marker_scores(fitted.value_blocks[seed], fitted.marker_scores[seed])
        read = read_layer(layers.sel(trained="all", seed=seed))
        assert np.array_equal(evaluate_layer(read, prompts, 4), evaluate_layer(layer, prompts, 4))
    assert layers.loss.dims == ("trained", "seed", "step") and layers.attrs["stream"] == "a cell" and layers.n_context == 8


def test_more_test_prompts_leave_the_first_ones_as_they_were():
    few, many = (draw_test_prompts(TASK, 8, count, noise=0.3, **NAME) for count in (4, 30))
    assert np.array_equal(many.grams[:4], few.grams) and np.array_equal(many.weights[:4], few.weights)


@pytest.mark.parametrize("other", [{"n_context": 9}, {"seed": 1}, {"cell": "another"}, {"experiment_seed": 2}], ids=str)
def test_every_length_and_seed_has_test_prompts_of_its_own(other):
    settings = {"n_context": 8, "n_test": 4, "noise": 0.0, **NAME}
    one, another = draw_test_prompts(TASK, **settings), draw_test_prompts(TASK, **settings | other)
    assert not np.isin(another.weights, one.weights).any()


@pytest.mark.parametrize("test", [TEST, TASK], ids=["isotropic", "the training task"])
def test_a_layer_at_the_optimum_meets_the_exact_theory(test):
    """False alarm 2e-4: four standard errors of a mean over 20,000 prompts, at three depths."""
    layer = at_optimum(finite.preconditioner(TASK, 20))
    errors = evaluate_layer(layer, draw_test_prompts(test, 40, 20_000, noise=0.0, **NAME), 3)[1:]
    exact = finite.error_exact(TASK, test, n_context=20, n_context_test=40, depth=3).values[1:]
    assert (np.abs(errors.mean(1) - exact) < 4 * errors.std(1) / np.sqrt(20_000)).all()


# --- theory at the pools ------------------------------------------------------------------------------------------


@cache
def at_pools(weights, depth=3):
    layers = label_layers({"block": trained(), "all": trained(weights)}, POOLS)
    return theory_at_pools(POOLS, layers, TEST, n_context_test=[4, 50], depth=depth)


def learned(seed):
    return -fit_least_squares(read_prompts(POOLS, seed))


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (1.3, 0.8, 1.1)], ids=["frozen", "drifted"])
def test_each_pool_has_its_own_theory(weights):
    found = at_pools(weights)
    for seed, weight in enumerate(weights):
        pool, lengths = found.sel(trained="all", seed=seed), {"n_context_test": [4, 50], "depth": 3}
        exact = finite.error_exact_drifted_at(learned(seed), TEST, ratio=weight, **lengths)
        np.testing.assert_allclose(pool.error, exact, rtol=1e-9)
        leading = finite.error_leading_order_drifted_at(learned(seed), TEST, ratio=weight, depth=3)
        np.testing.assert_allclose(pool.leading_order, leading, rtol=1e-9)
        assert pool.attention_weight == weight
        frozen = finite.error_exact_at(learned(seed), TEST, **lengths)
        np.testing.assert_allclose(found.error.sel(trained="block", seed=seed), frozen, rtol=1e-9)
        assert np.allclose(pool.error, frozen, rtol=1e-9) == (weight == 1)


def test_beyond_the_known_depth_the_theory_of_a_pool_is_nan():
    found = at_pools((1.0, 1.0, 1.0), depth=7)
    assert np.isfinite(found.error).all(["trained", "seed", "n_context_test"]).values.tolist() == 6 * [True] + 2 * [False]
    assert np.isfinite(found.leading_order).all()
    assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in found.variables.values())


def test_the_theory_of_a_pool_is_met_by_the_layer_at_its_optimum():
    """False alarm 2e-4: four standard errors of a mean over 20,000 prompts, at three depths; the layer has drifted."""
    prompts = draw_test_prompts(TEST, 50, 20_000, noise=0.0, **NAME)
    block = np.pad(-learned(1) / 1.3, [(0, 0), (0, 1)])
    errors = evaluate_layer(with_marker_scores(block, [0, 0, 0, -1.3]), prompts, 3)[1:]
    exact = at_pools((1.0, 1.3, 1.0)).error.sel(trained="all", seed=1, n_context_test=50, k=[1, 2, 3])
    assert (np.abs(errors.mean(1) - exact) < 4 * errors.std(1) / np.sqrt(20_000)).all()


# --- the comparison -----------------------------------------------------------------------------------------------


def compared(means, medians=None, pools=None):
    """A comparison of errors (seed, k) at one test length, with theory 2, 1, 0.5 and the pools' own theory."""
    axes = {"seed": range(len(means)), "n_context_test": [8], "k": range(len(means[0]))}

    def on_axes(values):
        return xr.DataArray(np.asarray(values, float)[:, None, :], coords=axes)

    medians = on_axes(means if medians is None else medians)
    experiment = xr.Dataset({"error_mean": on_axes(means), "error_median": medians, "error_quantile": medians.expand_dims(quantile=[0.5])})
    exact = xr.DataArray([[[2.0, 1.0, 0.5]]], coords={"theory": ["exact"], "n_context_test": [8], "k": range(3)})
    own = on_axes(np.ones_like(means) if pools is None else pools)
    at_pools = xr.Dataset({"error": own, "leading_order": own.isel(n_context_test=0, drop=True), "attention_weight": own[:, 0, 0]})
    return compare_layers(experiment, xr.Dataset({"error": exact}), at_pools).sel(n_context_test=8)


def test_means_and_standard_errors_are_over_seeds():
    found = compared([[2, 1, 2], [2, 3, 1]])
    assert found.error_mean.values.tolist() == [2, 2, 1.5]
    assert found.error_standard_error.values == pytest.approx([0, 1, 0.5])


def test_the_difference_to_the_pools_is_paired():
    """Differences 1, 2 and 3 at every depth: mean 2, standard error 1 / sqrt(3), however far the seeds lie apart."""
    pools = np.array([[10.0] * 3, [20.0] * 3, [90.0] * 3])
    found = compared(pools + [[1], [2], [3]], pools=pools)
    assert found.pool_z.values == pytest.approx([2 * np.sqrt(3)] * 3)
    assert found.pool_theory.values == pytest.approx([40] * 3)


def test_best_depths_are_those_of_mean_and_median():
    """One heavy seed moves the mean's best depth, not the median's."""
    found = compared([[9, 5, 1], [9, 5, 1], [9, 5, 99]])
    assert (found.best_depth_mean, found.best_depth_median) == (1, 2)
    assert (found.seed_lowest.sel(k=2), found.seed_highest.sel(k=2)) == (1, 99)


def test_medians_over_seeds_are_of_medians_over_prompts():
    found = compared(np.full((3, 3), 50), medians=[[1, 1, 1], [2, 4, 8], [3, 9, 27]])
    assert found.error_median.values.tolist() == [2, 4, 8] and found.error_mean.values.tolist() == [50] * 3


def test_a_comparison_from_one_end_to_the_other_is_labelled():
    """Its training and test tasks commute, so that the theory of the optimum is known one step further than that of the pools."""
    layers = label_layers({"block": trained(), "all": trained()}, POOLS)
    errors = [[evaluate_layers(layers.sel(seed=seed), draw_test_prompts(TEST, m, 20, noise=0.0, **NAME), 7) for m in (4, 50)]
              for seed in range(3)]  # fmt: skip
    leading = {"trained": layers.trained, "seed": layers.seed}
    experiment = summarise(label_test_errors(np.moveaxis(errors, 2, 0), leading, [4, 50]), [0.25, 0.75], source="a test")
    theory = summarise_layer(TASK, TEST, n_context=8, n_context_test=[4, 50], depth=7)
    found = compare_layers(experiment, theory, at_pools((1.0, 1.0, 1.0), depth=7))
    assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in found.variables.values())
    assert found.theory_error.dims == ("theory", "n_context_test", "k") and found.pool_z.dims == ("trained", "n_context_test", "k")
    assert np.isfinite(found.theory_error.sel(theory="exact")).all("n_context_test").values.tolist() == 7 * [True] + [False]
    assert np.isfinite(found.pool_z[..., 1:]).all(["trained", "n_context_test"]).values.tolist() == 5 * [True] + 2 * [False]
